/** Requests that make no charge, refund or alarm: one with an Idempotency-Key is carried out once, too. */
import { isRejection, type Rejection } from '../domain/error.ts'
import { type FoundRecord, keyReused, type StoredEnding } from '../domain/idempotency.ts'
import type { KeyRecord } from '../ports/store.ts'
import type { Context } from './context.ts'
import type { KeyedRequest } from './execute.ts'
import { inTurn } from './in-turn.ts'

export type OnceContext = Pick<Context, 'store' | 'requests' | 'runtime' | 'idempotencyWaitMs'>

/** `replayed`: an earlier request with the key made it. */
export type Once<T> = { readonly value: T; readonly replayed: boolean }

export type OnceWork<T> = {
  /**
   * Carries the request out, and stores the record of its key with the change. Undefined if another request stored the
   * key meanwhile; then it must have changed nothing that this one would not have changed.
   */
  readonly work: () => Promise<T | Rejection | undefined>
  /** What the earlier request made, from the record of its key. */
  readonly earlier: (record: FoundRecord) => T | Promise<T>
}

/**
 * Carries a request out once, however often it is sent; each time without a key. Rejections: those of the work;
 * `idempotency_key_reused`, `idempotency_key_in_progress`. Rejects with `StoreUnavailable`.
 */
export async function once<T extends object>(
  context: OnceContext,
  request: KeyedRequest | null,
  { work, earlier }: OnceWork<T>,
): Promise<Once<T> | Rejection> {
  if (!request) {
    const made = await work()
    if (!made) throw new Error('a request without a key met its key')
    return isRejection(made) ? made : { value: made, replayed: false }
  }
  const recorded = async (): Promise<Once<T> | Rejection | undefined> => {
    const record = await context.store.idempotencyRecord(request.scope, request.key)
    if (!record) return undefined
    return keyReused(record, request) ?? { value: await earlier(record), replayed: true }
  }
  const carryOut = async (): Promise<Once<T> | Rejection> => {
    const before = await recorded()
    if (before) return before
    const made = await work()
    if (made && !isRejection(made)) return { value: made, replayed: false }
    // Another node may have carried out the same request meanwhile.
    const meanwhile = (await recorded()) ?? made
    if (!meanwhile) throw new Error('the key that another request stored is gone')
    return meanwhile
  }
  return inTurn(context, request, carryOut, recorded)
}

/** The record of a request's key, with its ending. */
export function recordOf(request: KeyedRequest, ending: StoredEnding): KeyRecord {
  const { key, fingerprint, surface } = request
  return { key, fingerprint, surface, ending }
}
