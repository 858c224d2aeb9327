/**
 * Why an epoch of event numbers began. Within an epoch, numbers follow each other without gaps. Before a new one begins,
 * numbers may have been given out that this database does not know of.
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
  /** Of every scope's events: the first number of this epoch. */
  readonly firstSequence: number
  /** ms since 1970. */
  readonly beganAt: number
  readonly cause: EpochCause
}

/** However far a clock is behind: more numbers than this are left out. */
const SMALLEST_GAP = 1_000_000
/** A clock that says a later time than this, in 2255, is wrong: no number would be exact any more. */
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
