import type { FastifyReply } from 'fastify'
import { type IdPrefix, isId } from '../domain/id.ts'
import type { Page, PageQuery } from '../ports/store.ts'
import { sendJson } from './endpoint.ts'
import { Refused, refuse } from './errors.ts'

export const DEFAULT_LIMIT = 20

export type CreatedRange = {
  readonly [filter in 'created_gte' | 'created_gt' | 'created_lte' | 'created_lt']?: string
}

/** The range of times in a query. Throws `Refused` if one is not an RFC 3339 time. */
export function createdRange(query: CreatedRange): Pick<PageQuery, 'createdFrom' | 'createdUntil'> {
  const from = latest(time('created_gte', query.created_gte), after(time('created_gt', query.created_gt)))
  const until = earliest(time('created_lt', query.created_lt), after(time('created_lte', query.created_lte)))
  return {
    ...(from !== undefined && { createdFrom: from }),
    ...(until !== undefined && { createdUntil: until }),
  }
}

export async function checkCursor(
  param: string,
  id: string | undefined,
  prefix: IdPrefix,
  exists: (id: string) => Promise<boolean>,
): Promise<void> {
  if (id === undefined || (isId(prefix, id) && (await exists(id)))) return
  throw new Refused(
    refuse(
      'cursor_invalid',
      `The parameter ${param} must be the id of an object of this list, which begins with ${prefix}_.`,
      param,
    ),
  )
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/
const MAX_TIME_MS = 2 ** 48 - 2
const DAY_MS = 86_400_000

/** ms since 1970 of an RFC 3339 time. */
export function time(param: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = RFC3339.test(text) && isCalendarDay(text) ? Date.parse(text) : Number.NaN
  if (!(ms >= 0 && ms <= MAX_TIME_MS))
    throw new Refused(
      refuse(
        'parameter_invalid',
        `The parameter ${param} must be an RFC 3339 time such as 2026-11-23T12:00:00Z; in a URL a + is written %2B.`,
        param,
      ),
    )
  return ms
}

const DAY = /^\d{4}-\d\d-\d\d$/

/** Days since 1970 of a date such as 2026-11-23; undefined if it is none. */
export function dayIn(text: string): number | undefined {
  const ms = DAY.test(text) && isCalendarDay(text) ? Date.parse(text) : Number.NaN
  return ms >= 0 ? ms / DAY_MS : undefined
}

/** Days since 1970. Throws `Refused` if the parameter is not a date. */
export function day(param: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const days = dayIn(text)
  if (days !== undefined) return days
  throw new Refused(
    refuse('parameter_invalid', `The parameter ${param} must be a date such as 2026-11-23.`, param),
  )
}

/** Date.parse takes 30 February for 2 March. */
function isCalendarDay(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number) as [number, number, number]
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate()
}

const after = (ms: number | undefined) => (ms === undefined ? undefined : ms + 1)

const latest = (a: number | undefined, b: number | undefined) =>
  a === undefined ? b : b === undefined ? a : Math.max(a, b)

const earliest = (a: number | undefined, b: number | undefined) =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b)

/** A page ends early after this many characters, because a response that a client does not read occupies memory. */
const MAX_PAGE_CHARS = 256 * 1024

/**
 * Sends a page. A page that would be too long ends early, with at least one item, and has `has_more`; a page before a
 * cursor (`backwards`) keeps the items next to it. `beside` has the other fields of the response.
 */
export function sendPage<T>(
  reply: FastifyReply,
  page: Page<T>,
  view: (item: T) => unknown,
  { backwards = false, beside = {} }: { readonly backwards?: boolean; readonly beside?: object } = {},
): FastifyReply {
  const kept: string[] = []
  let chars = 0
  for (const item of backwards ? page.data.toReversed() : page.data) {
    const text = JSON.stringify(view(item))
    chars += text.length
    if (kept.length > 0 && chars > MAX_PAGE_CHARS) break
    kept.push(text)
  }
  const hasMore = page.hasMore || kept.length < page.data.length
  const next = kept.length === page.data.length && page.next !== undefined && { next_cursor: page.next }
  const more = JSON.stringify({ has_more: hasMore, ...next, ...beside }).slice(1)
  return sendJson(reply, 200, `{"data":[${(backwards ? kept.reverse() : kept).join()}],${more}`)
}
