/**
 * The reasons why an epoch of event numbers begins. Within an epoch, numbers have no gaps. Before a new epoch begins,
 * MiniPay may have issued numbers that this database does not contain.
 */
export const EPOCH_CAUSES = {
  created: 'The database was created, or upgraded to the first version with epochs.',
  restored: '`minipay restore` restored a backup.',
  copied: '`minipay copy` filled the database.',
  replaced: 'At its start, MiniPay found another database than before, or an older state of it.',
  requested: 'A person ran `minipay epoch begin`.',
} as const
export type EpochCause = keyof typeof EPOCH_CAUSES

export type Epoch = {
  readonly id: string
  /** The first number of this epoch, for the events of every scope. */
  readonly firstSequence: number
  /** ms since 1970. */
  readonly beganAt: number
  readonly cause: EpochCause
}

/** A new epoch skips at least this many numbers, even if the clock is behind. */
const SMALLEST_GAP = 1_000_000
/** A clock that shows a later time than this, in 2255, is wrong: no number would be exact any more. */
const LAST_BEGIN = 9_000_000_000_000_000
/** No database stores this many events in a millisecond. */
const NUMBERS_PER_MS = 1_000

/**
 * The first number of an epoch that begins at `now` (ms since 1970), when `last` is the last number that the database
 * knows of. It is the time in microseconds. So it is larger than every number of an epoch that began earlier, in this
 * database or in one that was restored from the same backup: numbers are given out more slowly than microseconds pass.
 */
export function firstOfEpoch(now: number, last: number): number {
  return Math.max(Math.min(now * NUMBERS_PER_MS, LAST_BEGIN), last + SMALLEST_GAP)
}
