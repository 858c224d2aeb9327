/** Charges over a long history with random keys and customers, beside those of an empty database, in turn. */
import { FOLD_AT } from '../src/storage/sqlite/folding.ts'
import {
  type Bench,
  COMPILED_AFTER,
  inTurn,
  measure,
  type Part,
  type Run,
  summary,
  warmUp,
  withDatabase,
} from './bench.ts'
import { costAims } from './charges.ts'
import { CUSTOMERS, fill } from './fill.ts'
import { runVerify } from './processes.ts'
import { onDatabase } from './roads.ts'
import { costText, shareRow } from './rows.ts'
import { sqliteSize } from './sizes.ts'

const SHORT = 10_000
const LONG = 3_000_000
const CONNECTIONS = 64
/** The longest time for a whole cycle of the indexes. */
const MOST_SECONDS = 40
const AIM = 0.9

export const grown: Part = {
  names: ['grown'],
  run: (bench) =>
    withDatabase(bench, async (long) => {
      const history = { story: 'finished', random: true } as const
      await withDatabase(bench, (short) => {
        fill(short, { ...history, charges: SHORT }, Date.now())
        return runVerify(short)
      })
      fill(long, { ...history, charges: LONG }, Date.now())
      const { bytes, charges } = sqliteSize(long)
      const runs = await inTurn(bench.rounds, {
        empty: () => withDatabase(bench, (file) => charge(bench, file, 0)),
        grown: () => charge(bench, long, FOLD_AT),
      })
      const row = (what: string, of: readonly Run[], stored?: number) => ({
        what,
        connections: CONNECTIONS,
        ...summary(of),
        beside: costText(of, stored),
      })
      const title = 'over 3 million charges with random keys and customers'
      return [
        ...shareRow(`${title}: share of an empty database`, CONNECTIONS, runs.grown, runs.empty, AIM),
        ...costAims(title, runs.grown, bytes / charges),
        row('**MiniPay: durable charges over 3 million**', runs.grown, bytes / charges),
        row('the same charges in an empty database', runs.empty),
      ]
    }),
}

/**
 * Measures at least this number of charges. The writer folds the newest keys and customers into their indexes after FOLD_AT of
 * them: fewer would show the cost of no fold, or of nothing else.
 */
function charge(bench: Bench, file: string, charges: number): Promise<Run> {
  const scenario = { kind: 'charge', customers: CUSTOMERS } as const
  return onDatabase(bench, {}, file, async (server) => {
    const { perSecond } = await warmUp(bench, server, { requests: COMPILED_AFTER, scenario })
    const seconds = Math.min(MOST_SECONDS, Math.max(bench.seconds, charges / perSecond))
    return measure(bench, server, { connections: CONNECTIONS, seconds, scenario })
  })
}
