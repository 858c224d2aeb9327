/** Lookups that the reader has asked for on this page, and what each found. */
import { signal } from '@preact/signals'
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import { type ApiError, api, asApiError } from '../api.ts'

export type LookupResult = {
  readonly attempt: AttemptView
  readonly outcome: string
  readonly reason: string | null
}
export type Lookup =
  | { readonly state: 'running' }
  | { readonly state: 'found'; readonly result: LookupResult }
  | { readonly state: 'failed'; readonly error: ApiError }

/** By the id of the attempt. */
export const lookups = signal<ReadonlyMap<string, Lookup>>(new Map())

const keep = (id: string, lookup: Lookup) => {
  lookups.value = new Map(lookups.value).set(id, lookup)
}

/** Has the server look up an attempt. A second click while it does is ignored. */
export async function lookUp(id: string, onFound: (attempt: AttemptView) => void): Promise<void> {
  if (lookups.value.get(id)?.state === 'running') return
  keep(id, { state: 'running' })
  try {
    const result = await api.post<LookupResult>(`/attempts/${id}/lookup`, {})
    keep(id, { state: 'found', result })
    onFound(result.attempt)
  } catch (error) {
    keep(id, { state: 'failed', error: asApiError(error) })
  }
}

const FOUND: Readonly<Record<string, string>> = {
  succeeded: 'the provider did it',
  declined: 'the provider declined it',
  not_sent: 'the provider definitely did not do it',
  pending: 'the provider reports the outcome later',
}

/** What a lookup found, in words. */
export function wordsOf({ outcome, reason }: LookupResult): string {
  if (outcome === 'unknown') return `Looked up just now: still unknown${reason === null ? '' : `, ${reason}`}`
  return `Looked up just now: ${FOUND[outcome] ?? outcome}`
}
