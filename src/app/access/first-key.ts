import { isRejection } from '../../domain/error.ts'
import type { Scope } from '../../domain/scope.ts'
import { createAccessKey, type MadeKey } from './access-keys.ts'
import { type AccessContext, operator } from './administrator.ts'

/**
 * Makes the first key of a database, an administrator of the operator's account; undefined if a key was ever made.
 * Several nodes that start at once on a new database may each make one. Rejects with `StoreUnavailable`.
 */
export async function makeFirstKey(
  context: AccessContext,
  mode: Scope['mode'],
): Promise<MadeKey | undefined> {
  if (await context.store.anyAccessKey()) return undefined
  const made = await createAccessKey(context, operator('server'), {
    ...{ name: 'first key', role: 'administrator', mode },
  })
  if (isRejection(made)) throw new Error(`The first API key could not be made: ${made.message}`)
  return made
}
