/** English texts that screens share. */

/** Colours by meaning. `warn` is never an error; `bad` always is. */
export type Tone = 'good' | 'bad' | 'wait' | 'warn' | 'held' | 'quiet'
export type Status = { readonly word: string; readonly tone: Tone }

/** Every status of charges, refunds, attempts, disputes, deliveries, breakers and alarms. Unknown is not a failure. */
const STATUSES: Readonly<Record<string, Status>> = {
  processing: { word: 'Processing', tone: 'wait' },
  requires_action: { word: 'Requires action', tone: 'warn' },
  authorized: { word: 'Authorized', tone: 'held' },
  succeeded: { word: 'Succeeded', tone: 'good' },
  partially_refunded: { word: 'Partially refunded', tone: 'quiet' },
  refunded: { word: 'Refunded', tone: 'quiet' },
  failed: { word: 'Failed', tone: 'bad' },
  canceled: { word: 'Canceled', tone: 'quiet' },
  sending: { word: 'Sending', tone: 'wait' },
  pending: { word: 'Pending', tone: 'wait' },
  unknown: { word: 'Unknown', tone: 'warn' },
  declined: { word: 'Declined', tone: 'bad' },
  not_sent: { word: 'Not sent', tone: 'quiet' },
  delivered: { word: 'Delivered', tone: 'good' },
  needs_response: { word: 'Needs response', tone: 'warn' },
  won: { word: 'Won', tone: 'good' },
  lost: { word: 'Lost', tone: 'bad' },
  half_open: { word: 'Half open', tone: 'warn' },
  running: { word: 'Running', tone: 'wait' },
  done: { word: 'Done', tone: 'good' },
  paused: { word: 'Paused', tone: 'quiet' },
  enabled: { word: 'Enabled', tone: 'good' },
  disabled: { word: 'Disabled', tone: 'quiet' },
  revoked: { word: 'Revoked', tone: 'quiet' },
  expired: { word: 'Expired', tone: 'quiet' },
  active: { word: 'Active', tone: 'good' },
}

/** `open` and `closed` mean different things, so their kinds say what they are. */
const BY_KIND: Readonly<Record<string, Readonly<Record<string, Status>>>> = {
  breaker: {
    open: { word: 'Open', tone: 'bad' },
    closed: { word: 'Closed', tone: 'good' },
  },
  dispute: { open: { word: 'Needs response', tone: 'warn' } },
  alarm: { open: { word: 'Open', tone: 'warn' }, closed: { word: 'Closed', tone: 'quiet' } },
}

/** The word and the tone of a status. A status that this page does not know is shown as it is. */
export function statusOf(status: string, kind?: 'breaker' | 'dispute' | 'alarm'): Status {
  const special = kind === undefined ? undefined : BY_KIND[kind]?.[status]
  return special ?? STATUSES[status] ?? { word: sentence(status), tone: 'quiet' }
}

/** A code in words: `insufficient_funds` → `Insufficient funds`. */
export function sentence(code: string): string {
  const words = code.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

export const TEXT = {
  appName: 'MiniPay',
  testMode: 'Test mode',
  clearFilters: 'Clear filters',
  tryAgain: 'Try again',
  cancel: 'Cancel',
  close: 'Close',
  unreadableDay: (label: string, value: string) =>
    `${label}: “${value}” is no day such as 2026-11-27, so it does not count.`,
  notLoaded: 'This part could not be loaded',
  updated: 'MiniPay did not respond, or was updated meanwhile.',
  loadAgain: 'Load again',
  more: 'Show more',
  further: 'Search further back',
  searchedSoFar: 'MiniPay searches ten thousand at a time. Older ones may match.',
  loading: 'Loading…',
  copied: 'Copied',
} as const
