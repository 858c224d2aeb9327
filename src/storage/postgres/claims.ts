import { StoreUnavailable } from '../../ports/store.ts'
import type { Row } from './batch.ts'
import { createQueue, type Sql, type Values } from './statements.ts'

/** Runs a claim's statement; `token` is among its values. */
export type Claims = (text: string, values: Values, token: string) => Promise<Row[]>

/**
 * Claims of one kind of work, one after another. If a connection breaks and the response to a claim is lost, the node
 * does not know the claimed work. So before the next claim `giveBack`, a statement with the node ($1) and the token
 * ($2), makes that work due again without waiting for the end of its lease.
 */
export function createClaims(once: Sql, node: string, giveBack: string): Claims {
  const turns = createQueue()
  const lost = new Set<string>()
  return (text, values, token) =>
    turns(async () => {
      for (const each of lost) {
        await once(giveBack, [node, each])
        lost.delete(each)
      }
      try {
        return (await once(text, values)).rows
      } catch (error) {
        if (error instanceof StoreUnavailable && error.reason === 'connection') lost.add(token)
        throw error
      }
    })
}
