import type { RuleSetView } from '../../api/minipay/routing-schemas.ts'
import { showJson } from '../json.ts'
import { button, component, div, p, section, type VNode } from '../tags.ts'
import { Time } from '../ui/values.ts'
import { Author } from './author.ts'
import { Diff } from './diff.ts'
import { type Draft, rebaseDraft, startDraft } from './draft.ts'

/** Somebody published other rules while this draft was written: what changed, and what becomes of the draft. */
export function Superseded({ draft, current }: { draft: Draft; current: RuleSetView }): VNode {
  const { version, author, created_at: at, note } = current
  return section(
    { class: 'superseded', role: 'alert' },
    p(
      {},
      `Version ${version} was published meanwhile by `,
      component(Author, { author }),
      ...(at === null ? [] : [', ', component(Time, { at, ago: true })]),
      note === null ? '.' : `: “${note}”`,
    ),
    p({}, `Your draft is based on version ${draft.version}. It is kept. This is what changed meanwhile:`),
    component(Diff, {
      before: draft.before,
      after: showJson(current.document),
      label: 'What changed meanwhile',
    }),
    div(
      { class: 'actions' },
      button(
        { type: 'button', class: 'button', onClick: () => rebaseDraft(current) },
        `Keep my draft, to replace version ${version}`,
      ),
      button(
        { type: 'button', class: 'button', onClick: () => startDraft(current) },
        `Discard my draft, begin with version ${version}`,
      ),
    ),
  )
}
