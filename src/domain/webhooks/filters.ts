/** Which events a webhook endpoint wants. */
import { type Rejection, reject } from '../error.ts'
import { EVENT_TYPES, type EventType } from '../event.ts'
import { wants } from './endpoint.ts'

export const MAX_FILTERS = 100

const TYPES = Object.keys(EVENT_TYPES) as EventType[]
/** `payment.*` for every first part of a type. */
const PREFIXES = [...new Set(TYPES.map((type) => `${type.slice(0, type.indexOf('.'))}.*`))]
const FILTERS: ReadonlySet<string> = new Set(['*', ...PREFIXES, ...TYPES])

/**
 * The filters, each once. A filter is an event type, `*` for all of them, or a prefix such as `payment.*`. Rejections
 * name `param`: `parameter_invalid` without any filter, with more than `MAX_FILTERS`, or with one that fits no event type.
 */
export function describedFilters(filters: readonly string[], param: string): readonly string[] | Rejection {
  if (filters.length === 0 || filters.length > MAX_FILTERS)
    return reject('parameter_invalid', `Give 1 to ${MAX_FILTERS} event types.`, param)
  const unknown = filters.find((filter) => !FILTERS.has(filter))
  if (unknown === undefined) return [...new Set(filters)]
  return reject(
    'parameter_invalid',
    `There is no event type ${JSON.stringify(unknown.slice(0, 50))}. Give event types such as payment.refunded, a prefix (${PREFIXES.join(', ')}), or * for all.`,
    param,
  )
}

/** The event types that the filters fit; null if they fit all. */
export function typesOf(filters: readonly string[]): readonly EventType[] | null {
  const types = TYPES.filter((type) => wants({ events: filters }, type))
  return types.length === TYPES.length ? null : types
}
