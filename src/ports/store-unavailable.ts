/**
 * The database cannot do this now: it is full, its disk fails, it is locked or out of reach, or too many operations
 * wait. With `lost` it cannot until the process restarts, because its files were removed or replaced.
 */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  readonly reason: 'disk' | 'busy' | 'connection' | 'overloaded' | 'closing' | 'lost'
  constructor(reason: StoreUnavailable['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}
