/** The cells of an open attempt. */
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import { duration } from '../format.ts'
import { can } from '../me.ts'
import { button, code, component, div, fragment, p, span, type VNode } from '../tags.ts'
import { Time } from '../ui/time.ts'
import { lookUp, lookups, wordsOf } from './lookups.ts'
import { openResolve } from './open.ts'

const KINDS: Readonly<Record<string, string>> = {
  authorize: 'Charge',
  capture: 'Capture',
  cancel: 'Cancel',
  refund: 'Refund',
}
export const kindOf = (kind: string) => KINDS[kind] ?? kind

export const isOpen = ({ status }: AttemptView) => ['sending', 'pending', 'unknown'].includes(status)

/** How long it has been open; since when in the title. */
export function age({ unknown_since, started_at, ended_at }: AttemptView): VNode {
  const since = unknown_since ?? started_at
  const until = ended_at === null ? Date.now() : Date.parse(ended_at)
  return span({ title: since }, duration(Math.max(0, until - Date.parse(since))))
}

/** What the provider said last, or what the reader's own lookup found. */
export function response(attempt: AttemptView): VNode {
  const lookup = lookups.value.get(attempt.id)
  return div(
    { class: 'response' },
    p({ dir: 'auto' }, attempt.reason ?? (isOpen(attempt) ? 'No response yet' : '')),
    lookup?.state === 'running' ? p({ class: 'soft', role: 'status' }, 'Looking up…') : null,
    lookup?.state === 'found' ? p({ class: 'soft', role: 'status' }, wordsOf(lookup.result)) : null,
    lookup?.state === 'failed'
      ? p(
          { class: 'bad', role: 'alert' },
          lookup.error.message,
          lookup.error.requestId === undefined
            ? null
            : fragment(' Request ', code({}, lookup.error.requestId)),
        )
      : null,
  )
}

export function nextLookup(attempt: AttemptView): VNode {
  const { lookups: made, next_lookup_at: at } = attempt
  const done = made === 0 ? 'None yet' : made === 1 ? '1 lookup' : `${made} lookups`
  if (!isOpen(attempt)) return span({}, done)
  return span(
    {},
    done,
    at === null ? null : fragment(span({ class: 'soft' }, ', next '), component(Time, { at, ago: true })),
  )
}

export function actions(attempt: AttemptView, onChange: (attempt: AttemptView) => void): VNode | null {
  const { id, status } = attempt
  if (!can('operations:write') || !isOpen(attempt) || status === 'sending') return null
  const running = lookups.value.get(id)?.state === 'running'
  return div(
    { class: 'row-actions' },
    button(
      {
        ...{ type: 'button', class: 'button small', disabled: running },
        'aria-label': `Look up now ${id}`,
        onClick: () => void lookUp(id, onChange),
      },
      'Look up now',
    ),
    button(
      {
        ...{ type: 'button', class: 'button small', 'aria-label': `Resolve ${id}` },
        onClick: () => void openResolve(attempt, onChange),
      },
      'Resolve…',
    ),
  )
}
