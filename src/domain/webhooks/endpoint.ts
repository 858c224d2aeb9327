import type { EventType } from '../event.ts'
import type { Scope } from '../scope.ts'

/** The id of the endpoint that the setting `WEBHOOK_TARGET` configures, in the one scope that it serves. */
export const DEFAULT_ENDPOINT = 'default'

/** The most endpoints of an account in a mode, beside `DEFAULT_ENDPOINT` and deleted ones. */
export const MAX_ENDPOINTS = 1_000

export const WEBHOOK_FORMATS = ['minipay', 'original', 'stripe'] as const
/** The bodies that an endpoint gets: MiniPay's events, those of its first versions, or Stripe's. */
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number]

/** A signing secret under the vault's key. */
export type SealedSecret = {
  readonly sealed: string
  /** It signs before this time, in ms since 1970; null: it is the current one. */
  readonly until: number | null
}

/** A receiver of events. */
export type WebhookEndpoint = {
  /** `we_…`, or `DEFAULT_ENDPOINT`. */
  readonly id: string
  readonly scope: Scope
  readonly url: string
  readonly description: string | null
  readonly metadata: Readonly<Record<string, string>>
  /** The events that it gets: `*`, a prefix as `payment.*`, or a type. */
  readonly events: readonly string[]
  /** Headers that each request has beside MiniPay's own, by their names in lower case; the values are sealed as secrets are. */
  readonly headers: Readonly<Record<string, string>>
  /** Attempts a second; null: without a limit. */
  readonly rateLimit: number | null
  /** The waits between attempts, in ms; null: those of the default schedule. */
  readonly schedule: readonly number[] | null
  readonly format: WebhookFormat
  /** Whether the events of one object are delivered one after another, in their order. */
  readonly ordered: boolean
  /** The newest first; none: its requests are unsigned, or the configuration has the secret. */
  readonly secrets: readonly SealedSecret[]
  /** MiniPay disables it once it has failed everything for so long, in ms; null: never. */
  readonly disableAfterMs: number | null
  readonly status: 'enabled' | 'disabled'
  /** Why it is disabled: somebody did it, it responded 410, or it failed everything; null while it is enabled. */
  readonly disabledReason: 'request' | 'gone' | 'failing' | null
  /** 1 for a new one; each change adds one. */
  readonly version: number
  /** ms since 1970. */
  readonly createdAt: number
  /** ms since 1970; null: it exists. */
  readonly deletedAt: number | null
}

/** The endpoint as it is once it is deleted at a time (ms since 1970): without its secrets. */
export function deletedEndpoint(before: WebhookEndpoint, at: number): WebhookEndpoint {
  return { ...before, secrets: [], headers: {}, deletedAt: at, version: before.version + 1 }
}

/** Whether one of the endpoint's filters fits the type. */
export function wants({ events }: Pick<WebhookEndpoint, 'events'>, type: EventType): boolean {
  return events.some(
    (filter) =>
      filter === '*' || filter === type || (filter.endsWith('.*') && type.startsWith(filter.slice(0, -1))),
  )
}
