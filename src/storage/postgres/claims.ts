import { StoreUnavailable } from '../../ports/store.ts'
import type { Row } from './batch.ts'
import { inTurn, type Sql, type Values } from './statements.ts'

/** Runs a claim's statement; `token` is among its values. */
export type Claims = (text: string, values: Values, token: string) => Promise<Row[]>

/**
 * Claims of one kind of work, one after another. What a claim took whose answer was lost with its connection nobody
 * knows to hold: `giveBack`, a statement of the node ($1) and the token ($2), makes it due again before the next claim,
 * and not when the lease runs out.
 */
export function claiming(once: Sql, node: string, giveBack: string): Claims {
  const turns = inTurn()
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
