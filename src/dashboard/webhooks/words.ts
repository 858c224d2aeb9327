/** Words about webhooks. */
import type { DeliveryView } from '../../api/minipay/delivery-schemas.ts'
import type { WebhookEndpointView } from '../../api/minipay/webhook-endpoint-schemas.ts'
import { percent } from '../format.ts'

/** The endpoint of the setting `WEBHOOK_TARGET`: only the configuration changes it. */
export const CONFIGURED = 'default'

/** Host and path of an endpoint's URL: https is not worth its space. */
export function placeOf({ url }: Pick<WebhookEndpointView, 'url'>): string {
  const { host, pathname, protocol } = URL.parse(url) ?? { host: url, pathname: '', protocol: '' }
  if (url === '') return 'No target'
  return `${protocol === 'http:' ? 'http://' : ''}${host}${pathname === '/' ? '' : pathname}`
}

/** The share of attempts that the endpoint accepted in 24 hours: `98.7%`; `–` without any. */
export function successOf({ attempts_24h: attempts, succeeded_24h: succeeded }: WebhookEndpointView): string {
  return percent(succeeded, attempts)
}

const REASONS = {
  request: 'by a person',
  gone: 'it responded 410',
  failing: 'it failed for too long',
} as const

/** Why it is disabled. */
export function disabledBecause({ disabled_reason: reason }: WebhookEndpointView): string | undefined {
  return reason === null ? undefined : `Disabled: ${REASONS[reason]}.`
}

const WHY = {
  event: 'First attempt',
  retry: 'Retry by the schedule',
  replay: 'Replay',
  manual: 'Sent again by a person',
} as const

export const whyAttempted = (reason: keyof typeof WHY): string => WHY[reason]

/** What follows: one sentence. */
export function nextOf({ status, next_attempt_at: next }: DeliveryView): string {
  if (status === 'delivered') return 'The endpoint accepted it.'
  if (status === 'failed') return 'MiniPay does not try again by itself.'
  return next === null
    ? 'It waits for an earlier event of the same payment.'
    : 'MiniPay tries again at the time below.'
}

/** An error of an attempt as the beginning of a line. */
export const said = (error: string): string => error.charAt(0).toUpperCase() + error.slice(1)

/** A minute (`2026-11-27T10:30`, of a field for times) in UTC or the browser's zone; undefined if the text is none. */
export function startOfMinute(typed: string, utc: boolean): string | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(typed)) return undefined
  const time = new Date(utc ? `${typed}Z` : typed)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}
