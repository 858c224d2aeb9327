/** Other work of a payments server: replays, refunds, and a steady stream of charges. */
import { type Bench, measure, type Part, type Run, summary, warmUp, withMiniPay } from './bench.ts'
import type { LoadJob } from './load.ts'

const REMEMBERED = 20_000
const OPEN_LOOP_RATE = 5000

type Kind = { readonly what: string; readonly job: Pick<LoadJob, 'connections' | 'rate' | 'scenario'> }

const KINDS: Readonly<Record<string, Kind>> = {
  'open loop': {
    what: 'charges, open loop at 5,000 a second: latency from when each was due',
    job: { connections: 256, rate: OPEN_LOOP_RATE, scenario: { kind: 'charge' } },
  },
  replays: {
    what: 'replays: a known key with its body again',
    job: { connections: 64, scenario: { kind: 'replay' } },
  },
  refunds: {
    what: 'refunds of one unit, spread over many charges',
    job: { connections: 64, scenario: { kind: 'refund' } },
  },
}

export const mixed: Part = {
  names: Object.keys(KINDS),
  seconds: 1,
  async run(bench, wanted) {
    const runs: Run[][] = wanted.map(() => [])
    for (let round = 0; round < bench.rounds; round++)
      for (const [i, run] of (await oneRound(bench, wanted)).entries()) runs[i]?.push(run)
    return wanted.map((name, i) => {
      const { what, job } = KINDS[name] as Kind
      return { what, connections: job.connections, ...summary(runs[i] ?? []) }
    })
  },
}

function oneRound(bench: Bench, wanted: readonly string[]): Promise<Run[]> {
  return withMiniPay(bench, async (server) => {
    await warmUp(bench, server, { remember: REMEMBERED })
    const runs: Run[] = []
    for (const name of wanted) runs.push(await measure(bench, server, (KINDS[name] as Kind).job))
    return runs
  })
}
