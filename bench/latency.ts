/**
 * Charges at fixed rates through a provider that takes a realistic time: the time that MiniPay adds to it. The provider's own
 * time, to the load generator, and that of the undici route are measured in turn with it.
 */
import {
  type Bench,
  COMPILED_AFTER,
  inTurn,
  measure,
  median,
  type Others,
  type Part,
  type Row,
  type Run,
  summary,
  warmUp,
  withServer,
} from './bench.ts'
import { type Server, startReference, startStandIn } from './processes.ts'
import { onRoad } from './roads.ts'
import { costText } from './rows.ts'

const LATENCY = { p50: 120, p99: 380 }
/** Charges a second, in rising order; multiples of the number of different latencies. */
const RATES = [500, 1000, 1500, 2000, 2500]
const TOP_RATE = Math.max(...RATES)
const MOST_ADDED_MS = 25
const RATE_AIM = 2500
/** A server with this p99 is overloaded: a higher rate would only take time. */
const TOO_LATE_MS = 1000
/** As many charges as MiniPay takes at once (MINIPAY_MAX_REQUESTS): enough, unless it is late by a quarter of a second. */
const CONNECTIONS = 1000
/** Of the warm-up: enough to make its charges in a few seconds. */
const WARM_CONNECTIONS = 500
/** Until as many calls are in flight as at the end. */
const AHEAD_SECONDS = 1

const KINDS = ['provider', 'minipay', 'undici'] as const
type Kind = (typeof KINDS)[number]
/** By rate. */
type Visit = ReadonlyMap<number, Run>

export const latency: Part = {
  names: ['provider: latency'],
  async run(bench) {
    const visits = await inTurn(bench.rounds, {
      provider: () => withServer(startStandIn(LATENCY), load(bench, 'authorize', RATES)),
      minipay: async () => (await onRoad(bench, { provider: LATENCY }, load(bench, 'charge', RATES))).result,
      undici: () =>
        withServer(startStandIn(LATENCY), (standIn) =>
          withServer(startReference(standIn), load(bench, 'charge', [TOP_RATE])),
        ),
    })
    return rows(visits, bench.rounds)
  },
}

/** Closed loops warm the server up, because nothing is late in them. */
function load(bench: Bench, kind: 'charge' | 'authorize', rates: readonly number[]) {
  return async (server: Server, others: Others = {}): Promise<Visit> => {
    const scenario = { kind }
    await warmUp(bench, server, { connections: WARM_CONNECTIONS, requests: COMPILED_AFTER, scenario })
    const runs = new Map<number, Run>()
    for (const rate of rates) {
      const job = { connections: CONNECTIONS, rate, warmup: AHEAD_SECONDS, scenario }
      const run = await measure(bench, server, job, others)
      runs.set(rate, run)
      if (run.p99 > TOO_LATE_MS) break
    }
    return runs
  }
}

type Visits = Readonly<Record<Kind, readonly Visit[]>>
type Quantile = 'p50' | 'p99'

function rows(visits: Visits, rounds: number): Row[] {
  const runsOf = (kind: Kind, rate: number) => visits[kind].flatMap((visit) => visit.get(rate) ?? [])
  const quantile = (kind: Kind, rate: number, of: Quantile) =>
    median(runsOf(kind, rate).map((run) => run[of]))
  const added = (kind: Kind, rate: number, of: Quantile) =>
    quantile(kind, rate, of) - quantile('provider', rate, of)
  const row = (what: string, kind: Kind, rate: number): Row => {
    const text = (of: Quantile) =>
      `${added(kind, rate, of).toFixed(1)} ms to the ${quantile('provider', rate, of).toFixed(0)} ms at ${of}`
    return {
      what: `${what}, open loop at ${count(rate)}/s`,
      connections: CONNECTIONS,
      ...summary(runsOf(kind, rate)),
      beside: `adds ${text('p50')} and ${text('p99')}; ${costText(runsOf(kind, rate))}`,
    }
  }
  // Most rounds came to the rate: otherwise the median would be of the best ones.
  const measured = RATES.filter((rate) => runsOf('minipay', rate).length > rounds / 2)
  const tooHigh = measured.findIndex((rate) => added('minipay', rate, 'p99') > MOST_ADDED_MS)
  const highest = measured[(tooHigh < 0 ? measured.length : tooHigh) - 1] ?? 0
  return [
    {
      what:
        `through a provider with a p50 of ${LATENCY.p50} ms and a p99 of ${LATENCY.p99} ms, open loop: the highest rate at ` +
        `which at most ${MOST_ADDED_MS} ms are added at p99`,
      beside: `${count(highest)}/s of ${RATES.map(count).join('; ')}`,
      aim: `at least ${count(RATE_AIM)}/s`,
      met: highest >= RATE_AIM,
      raw: [],
    },
    ...measured.map((rate) => row('**MiniPay through that provider**', 'minipay', rate)),
    row('reference: the undici route to it', 'undici', TOP_RATE),
  ]
}

const count = (rate: number): string => rate.toLocaleString('en-US')
