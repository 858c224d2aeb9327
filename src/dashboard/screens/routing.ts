import type { RuleSetView } from '../../api/minipay/routing-schemas.ts'
import type { SimulationView } from '../../api/minipay/simulation-schemas.ts'
import { api } from '../api.ts'
import { plural } from '../format.ts'
import { can } from '../me.ts'
import { useResource } from '../resource.ts'
import { go, href, place, replaceQuery } from '../router.ts'
import { Author } from '../routing/author.ts'
import { ownDraft, startDraft } from '../routing/draft.ts'
import { COUNTS, Editor } from '../routing/editor.ts'
import { History, Version } from '../routing/history.ts'
import { published, showReset } from '../routing/publish.ts'
import { Rules } from '../routing/rules.ts'
import { button, component, div, fragment, p, span, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { Failure, Loaded } from '../ui/empty.ts'
import { SelectField } from '../ui/field.ts'
import { Menu } from '../ui/menu.ts'
import { Page } from '../ui/page.ts'
import { Time } from '../ui/values.ts'

/** The routing rules: in force, edited, and their history. */
export default function Routing(): VNode {
  const { query } = place.value
  const isEditing = query.has('edit') && can('routing:write')
  const current = useResource(() => api.get<RuleSetView>('/routing'), [isEditing, published.value])
  const rules = current.data.value
  return component(
    Page,
    {
      title: isEditing ? 'Edit rules' : 'Routing',
      ...(isEditing && { above: { label: 'Routing', href: href('/routing') }, here: 'Edit' }),
      actions: rules && !isEditing && can('routing:write') ? component(Actions, { rules }) : null,
    },
    component(Loaded<RuleSetView>, {
      resource: current,
      show: (data) =>
        isEditing
          ? component(Editing, { current: data, reload: current.reload })
          : component(Overview, { current: data, number: query.get('version') }),
    }),
  )
}

function Actions({ rules }: { rules: RuleSetView }): VNode {
  const edit = () => {
    if (!ownDraft()) startDraft(rules)
    go('/routing', { edit: 1 })
  }
  return fragment(
    rules.built_in
      ? null
      : component(Menu, {
          label: 'More actions',
          items: [
            { label: 'Reset to the built-in rules…', danger: true, onSelect: () => showReset(rules.version) },
          ],
        }),
    button(
      { type: 'button', class: 'button primary', onClick: edit },
      ownDraft() ? 'Continue draft' : 'Edit rules',
    ),
  )
}

function Editing({ current, reload }: { current: RuleSetView; reload: () => void }): VNode {
  const draft = ownDraft()
  if (draft) return component(Editor, { draft, current, reload })
  return button(
    { type: 'button', class: 'button', onClick: () => startDraft(current) },
    'Begin with the rules in force',
  )
}

function Overview({ current, number }: { current: RuleSetView; number: string | null }): VNode {
  const last = place.value.query.get('last') === '1000' ? '1000' : '100'
  const hits = useResource(
    () => api.post<SimulationView>('/routing/simulate', { last: Number(last) }),
    [last, current.version],
  )
  const replayed = hits.data.value?.last ?? undefined
  return fragment(
    number === null ? null : component(Version, { number, current, key: number }),
    component(
      Card,
      { title: 'Rules in force', aside: component(About, { current }), class: 'routing-rules' },
      p({ class: 'soft' }, 'MiniPay takes the first rule whose condition is true.'),
      component(Rules, { document: current.document, hits: replayed }),
      div(
        { class: 'hits' },
        component(SelectField, {
          ...{ name: 'last', label: 'Shares of', value: last, choices: COUNTS },
          onChange: (value: string) => replaceQuery({ last: value === '100' ? null : value }),
        }),
        replayed ? span({ class: 'soft' }, `${plural(replayed.charges, 'payment')} routed again.`) : null,
      ),
      hits.error.value ? component(Failure, { error: hits.error.value, onRetry: hits.reload }) : null,
    ),
    component(History, { version: current.version }),
  )
}

function About({ current }: { current: RuleSetView }): VNode {
  const { version, author, created_at: at, built_in: isBuiltIn } = current
  if (version === 0) return span({}, 'Built-in')
  return span(
    {},
    `Version ${version}${isBuiltIn ? ', built-in' : ''} by `,
    component(Author, { author }),
    ...(at === null ? [] : [' · ', component(Time, { at, style: 'minute' })]),
  )
}
