/** Webhook endpoints as users describe them. */
import { isRejection, type Rejection, reject } from '../error.ts'
import { LIMITS } from '../limits.ts'
import { describedHeaders } from './custom-headers.ts'
import type { WebhookEndpoint, WebhookFormat } from './endpoint.ts'
import { describedFilters } from './filters.ts'
import { MAX_WAIT_MS, MAX_WAITS } from './schedule.ts'

/** The longest URL, as written and as encoded, in characters: short enough to be searched for card numbers. */
export const MAX_URL = 1_000
/** The longest wait between attempts, in seconds. */
export const MAX_DELAY_S = MAX_WAIT_MS / 1_000
/** Attempts a second. */
export const MAX_RATE_LIMIT = 1_000
export const MIN_DISABLE_AFTER_S = 60
/** 90 days, in seconds. */
export const MAX_DISABLE_AFTER_S = 7_776_000
/** Five days, in seconds. */
export const DISABLE_AFTER_S = 432_000

/** What a user chooses of an endpoint. An absent field keeps its value, or has its default in a new endpoint. */
export type EndpointRequest = {
  readonly url?: string | undefined
  readonly description?: string | null | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly events?: readonly string[] | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Attempts a second; null: without a limit. */
  readonly rateLimit?: number | null | undefined
  /** The waits between attempts, in seconds; null: the default schedule. */
  readonly delaysS?: readonly number[] | null | undefined
  readonly format?: WebhookFormat | undefined
  readonly ordered?: boolean | undefined
  /** Null: never. */
  readonly disableAfterS?: number | null | undefined
}

/** The fields of an endpoint that a user chooses. */
export type DescribedEndpoint = Pick<
  WebhookEndpoint,
  | 'url'
  | 'description'
  | 'metadata'
  | 'events'
  | 'headers'
  | 'rateLimit'
  | 'schedule'
  | 'format'
  | 'ordered'
  | 'disableAfterMs'
>

const DEFAULTS: Omit<DescribedEndpoint, 'url'> = {
  ...{ description: null, metadata: {}, events: ['*'], headers: {}, rateLimit: null, schedule: null },
  ...{ format: 'minipay', ordered: false, disableAfterMs: DISABLE_AFTER_S * 1_000 },
}

/**
 * The fields of a new endpoint, or of an endpoint after a change (`before`). `checkTarget` says whether MiniPay may connect
 * to a URL. Rejections name the field: `parameter_missing` without a URL, otherwise `parameter_invalid`.
 */
export function describedEndpoint(
  request: EndpointRequest,
  checkTarget: (url: string) => Rejection | URL,
  before?: DescribedEndpoint,
): DescribedEndpoint | Rejection {
  const url = request.url ?? before?.url
  if (url === undefined) return reject('parameter_missing', 'The parameter url is missing.', 'url')
  const target = request.url === undefined ? undefined : checkTarget(url)
  if (target && isRejection(target)) return target
  const fields = { ...(before ?? DEFAULTS), url }
  const events = request.events ? describedFilters(request.events, 'events') : fields.events
  if ('rejected' in events) return events
  const headers = request.headers ? describedHeaders(request.headers) : fields.headers
  if (isRejected(headers)) return headers
  const { description, metadata, rateLimit, delaysS, format, ordered, disableAfterS } = request
  const wrong =
    (description && checkDescription(description)) ||
    (metadata && checkMetadata(metadata)) ||
    (delaysS && checkDelays(delaysS)) ||
    (rateLimit != null && checkRange('rate_limit', rateLimit, 1, MAX_RATE_LIMIT)) ||
    (disableAfterS != null &&
      checkRange('disable_after_seconds', disableAfterS, MIN_DISABLE_AFTER_S, MAX_DISABLE_AFTER_S))
  if (wrong) return wrong
  return {
    ...{ url, events, headers },
    description: given(description, fields.description),
    metadata: metadata ?? fields.metadata,
    rateLimit: given(rateLimit, fields.rateLimit),
    schedule: delaysS ? delaysS.map((delay) => delay * 1_000) : given(delaysS, fields.schedule),
    format: format ?? fields.format,
    ordered: ordered ?? fields.ordered,
    disableAfterMs: disableAfterS ? disableAfterS * 1_000 : given(disableAfterS, fields.disableAfterMs),
  }
}

function given<T>(value: T | null | undefined, before: T): T | null {
  return value === undefined ? before : value
}

function isRejected(headers: Readonly<Record<string, string>> | Rejection): headers is Rejection {
  return headers['rejected' as keyof typeof headers] === true
}

function checkDescription(text: string): Rejection | undefined {
  const { description: most } = LIMITS
  return [...text].length > most
    ? reject('parameter_invalid', `The description must have at most ${most} characters.`, 'description')
    : undefined
}

function checkMetadata(metadata: Readonly<Record<string, string>>): Rejection | undefined {
  const { pairs, name: longest, value: most } = LIMITS.metadata
  const entries = Object.entries(metadata)
  const fits = entries.every(
    ([name, value]) =>
      name.length > 0 &&
      [...name].length <= longest &&
      typeof value === 'string' &&
      [...value].length <= most,
  )
  if (fits && entries.length <= pairs) return undefined
  return reject(
    'parameter_invalid',
    `Metadata is at most ${pairs} pairs: names of 1 to ${longest} characters, strings of up to ${most}.`,
    'metadata',
  )
}

function checkDelays(delays: readonly number[]): Rejection | undefined {
  const param = 'retry_delays_seconds'
  if (delays.length > MAX_WAITS)
    return reject('parameter_invalid', `Give at most ${MAX_WAITS} delays.`, param)
  return delays.map((delay) => checkRange(param, delay, 0, MAX_DELAY_S)).find((wrong) => wrong)
}

function checkRange(param: string, value: number, least: number, most: number): Rejection | undefined {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return undefined
  return reject('parameter_invalid', `The parameter ${param} must be ${least} to ${most}.`, param)
}
