/** Charges over a long history with random keys and customers, beside those of an empty database, in turn. */
import { type Bench, inTurn, measure, type Part, type Run, summary, warmUp, withDatabase } from './bench.ts'
import { CUSTOMERS, fill } from './fill.ts'
import { runVerify, type Server } from './processes.ts'
import { onDatabase } from './roads.ts'
import { costText, shareRow } from './rows.ts'

const SHORT = 10_000
const LONG = 3_000_000
const CONNECTIONS = 64
const WARMUP_SECONDS = 3
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
      const runs = await inTurn(bench.rounds, {
        empty: () => withDatabase(bench, (file) => charge(bench, file)),
        grown: () => charge(bench, long),
      })
      const row = (what: string, of: readonly Run[]) => ({
        what,
        connections: CONNECTIONS,
        ...summary(of),
        beside: costText(of),
      })
      const what =
        'over 3 million charges with random keys and customers: share of the rate of an empty database'
      return [
        ...shareRow(what, CONNECTIONS, runs.grown, runs.empty, AIM),
        row('**MiniPay: durable charges over 3 million**', runs.grown),
        row('the same charges in an empty database', runs.empty),
      ]
    }),
}

/** The customers of both are as many as those of the history. */
function charge(bench: Bench, file: string): Promise<Run> {
  const scenario = { kind: 'charge', customers: CUSTOMERS } as const
  return onDatabase(bench, {}, file, async (server: Server) => {
    await warmUp(bench, server, { seconds: WARMUP_SECONDS, scenario })
    return measure(bench, server, { connections: CONNECTIONS, scenario })
  })
}
