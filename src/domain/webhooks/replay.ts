import type { Scope } from '../scope.ts'

export const REPLAY_KINDS = ['past', 'failed'] as const
/** `past`: an endpoint's events of a time; `failed`: those of its failed deliveries. */
export type ReplayKind = (typeof REPLAY_KINDS)[number]

export const REPLAY_STATES = ['running', 'done', 'canceled'] as const
export type ReplayState = (typeof REPLAY_STATES)[number]

/** The most replays of an endpoint that run at a time. */
export const MAX_REPLAYS = 10

/** A second, bounded cursor of a webhook endpoint: it sends former events again, beside the new ones. */
export type Replay = {
  /** `rpl_…` */
  readonly id: string
  readonly scope: Scope
  /** The id of the webhook endpoint. */
  readonly endpoint: string
  readonly kind: ReplayKind
  /** Only events of these types; null: all that the endpoint wants. */
  readonly types: readonly string[] | null
  /** Of the failed deliveries, those whose last attempt failed with this error; null: all. */
  readonly error: string | null
  /** Events after this sequence … */
  readonly from: number
  /** … up to and including this one. */
  readonly to: number
  /** Every event up to this sequence was sent again or passed. */
  readonly position: number
  readonly state: ReplayState
  /** How many events it had to send when it was started; null: too many to count, or it is of a former version. */
  readonly total: number | null
  /** Attempts, and those of them that succeeded. */
  readonly sent: number
  readonly delivered: number
  /** ms since 1970. */
  readonly createdAt: number
  /** ms since 1970; null while it runs. */
  readonly endedAt: number | null
}

/** A replay as it is when it is started, whatever it did since. One without events has ended. */
export function startedReplay(
  replay: Omit<Replay, 'position' | 'state' | 'sent' | 'delivered' | 'endedAt'>,
): Replay {
  const { from, to, createdAt } = replay
  const isEmpty = from === to
  return {
    ...replay,
    ...{ position: from, sent: 0, delivered: 0 },
    ...{ state: isEmpty ? 'done' : 'running', endedAt: isEmpty ? createdAt : null },
  }
}
