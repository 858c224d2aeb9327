import { isRejection } from '../../domain/error.ts'
import type { Scope } from '../../domain/scope.ts'
import { createAccessKey, type MadeKey } from './access-keys.ts'
import { type AccessContext, operator } from './administrator.ts'

/**
 * Makes the first key of a database, an administrator of the operator's account; undefined if a key was ever made. Of
 * several nodes that start at once on a new database, one makes it. Rejects with `StoreUnavailable`.
 */
export async function makeFirstKey(
  context: AccessContext,
  mode: Scope['mode'],
): Promise<MadeKey | undefined> {
  if (await context.store.anyAccessKey()) return undefined
  const request = { name: 'first key', role: 'administrator', mode } as const
  const made = await createAccessKey(context, operator('server'), request, true)
  if (isRejection(made) && (await context.store.anyAccessKey())) return undefined
  if (isRejection(made)) throw new Error(`The first API key could not be made: ${made.message}`)
  return made
}
