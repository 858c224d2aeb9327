/**
 * The database can't do this now: it is full, its disk fails, it is locked or out of reach, or too much is waiting. With
 * `lost` it can't until the process was started again: its files were taken away.
 */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  readonly reason: 'disk' | 'busy' | 'connection' | 'overloaded' | 'closing' | 'lost'
  constructor(reason: StoreUnavailable['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}
