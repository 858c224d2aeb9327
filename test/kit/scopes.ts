import type { Scope } from '../../src/ports/store.ts'

/** The operator's account in live mode: for tests of the storage, which no provider takes part in. */
export const LIVE_SCOPE: Scope = { accountId: 1, mode: 'live' }
