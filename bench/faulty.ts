/** A provider in trouble must not slow charges that go to another one. */
import Database from 'better-sqlite3'
import { ask, withBank, withProviders } from './banks.ts'
import {
  type Bench,
  measure,
  median,
  type Part,
  type Row,
  type Run,
  summary,
  warmUp,
  withDatabase,
} from './bench.ts'
import { fill } from './fill.ts'
import type { LoadResult } from './load.ts'
import { refusingPort, runVerify, type Server, startLoad } from './processes.ts'

const CONNECTIONS = 64
const WARMUP_SECONDS = 2
/** The aim: charges beside a failing provider are as fast as without it, apart from noise. */
const FLAT = 0.9
const P99_FLAT = 1.25

/** Charges per second to the other provider, and their connections. */
const TRAFFIC_RATE = 50
const TRAFFIC_CONNECTIONS = 256
/** How long a charge waits for its provider before MiniPay returns 202. */
const WAIT_MS = 1000
/** How many seconds charges have been waiting for the hanging provider when the measurement begins. */
const AHEAD_SECONDS = 2
const POLL_MS = 20

type Breaker = 'closed' | 'open'
type Case = { readonly what: string; readonly deadlineMs: number; readonly breaker: Breaker }

const CASES: readonly Case[] = [
  {
    what: 'no call to it has ended yet, so its breaker is closed and each charge waits for it',
    deadlineMs: 300_000,
    breaker: 'closed',
  },
  {
    what: 'its calls are given up after 500 ms, and its breaker has opened',
    deadlineMs: 500,
    breaker: 'open',
  },
]

/** One round: the other provider gets no charges, then responds, then hangs; with the responses of its charges. */
type Hanging = {
  readonly alone: Run
  readonly answering: Run
  readonly hanging: Run
  readonly statuses: LoadResult['statuses']
}

export const hanging: Part = {
  names: ['hanging provider'],
  onlyWhenNamed: true,
  seconds: 1,
  async run(bench) {
    const rounds = CASES.map((): Hanging[] => [])
    for (let round = 0; round < bench.rounds; round++)
      for (const [i, one] of CASES.entries()) rounds[i]?.push(await hangingRound(bench, one))
    return [
      {
        what: 'charges through one bank, while nobody asks the other provider',
        connections: CONNECTIONS,
        ...summary(rounds.flat().map(({ alone }) => alone)),
      },
      ...CASES.map(({ what }, i) => hangingRow(what, rounds[i] ?? [])),
    ]
  },
}

function hangingRound(bench: Bench, { deadlineMs, breaker }: Case): Promise<Hanging> {
  return withBank(bench, (good) =>
    withBank(bench, (bad) =>
      withDatabase(bench, (file) => {
        const remotes = {
          good: { url: good.url },
          bad: { url: bad.url, deadline_ms: deadlineMs, concurrency: 10_000 },
        }
        const settings = { MINIPAY_PROVIDER_WAIT_MS: String(WAIT_MS) }
        const run = (server: Server) => besideHanging(bench, server, bad, breaker)
        return withProviders(bench, file, remotes, run, settings)
      }),
    ),
  )
}

/** Charges in usd go to one provider, those in eur to the other. */
async function besideHanging(bench: Bench, server: Server, bad: Server, breaker: Breaker): Promise<Hanging> {
  await ask(server, 'PUT', '/api/v1/routing', {
    document: {
      rules: [{ name: 'euro', when: "currency == 'eur'", providers: ['bad'] }],
      default: { providers: ['good'] },
    },
  })
  await warmUp(bench, server, { seconds: WARMUP_SECONDS })
  const job = { connections: CONNECTIONS, scenario: { kind: 'charge' } } as const
  const alone = await measure(bench, server, job)
  const answering = await withTraffic(bench, server, () => measure(bench, server, job))
  await ask(bad, 'PUT', '/faults', { hang: 1 })
  const { run, statuses } = await withTraffic(bench, server, async () => {
    await trafficHangs(server, bad, breaker)
    const measured = await measure(bench, server, job)
    const state = await breakerOf(server)
    if (state !== breaker) throw new Error(`the breaker is ${state}, not ${breaker}`)
    return measured
  })
  return { alone, answering: answering.run, hanging: run, statuses }
}

/** Calls `use` while another generator makes charges at the other provider. */
async function withTraffic(
  bench: Bench,
  server: Server,
  use: () => Promise<Run>,
): Promise<{ readonly run: Run; readonly statuses: LoadResult['statuses'] }> {
  const traffic = startLoad()
  try {
    let over = false
    const sent = traffic
      .run({
        ports: server.ports,
        connections: TRAFFIC_CONNECTIONS,
        rate: TRAFFIC_RATE,
        warmup: 0,
        // The measurement begins with its own warm-up, and the machine may be slow.
        seconds: AHEAD_SECONDS + bench.seconds + 2,
        scenario: { kind: 'charge', currency: 'eur' },
      })
      .finally(() => {
        over = true
      })
    // Reports the first failure below.
    sent.catch(() => {})
    const run = await use()
    if (over) throw new Error('the charges to the other provider ended before the measurement')
    return { run, statuses: (await sent).statuses }
  } finally {
    await traffic.stop()
  }
}

/** Resolves when enough calls hang at the provider, or its breaker has opened. */
async function trafficHangs(server: Server, bad: Server, breaker: Breaker): Promise<void> {
  if (breaker === 'closed') {
    const { received } = await ask<{ received: { authorize: number } }>(bad, 'GET', '/calls')
    const calls = received.authorize + TRAFFIC_RATE * AHEAD_SECONDS
    return void (await ask(bad, 'GET', `/calls?operation=authorize&received=${calls}`))
  }
  while ((await breakerOf(server)) === 'closed') await new Promise((resolve) => setTimeout(resolve, POLL_MS))
}

/** A half-open breaker has been open, and admits one call at a time. */
async function breakerOf(server: Server): Promise<Breaker> {
  type Providers = {
    readonly data: readonly { readonly name: string; readonly breaker: { state: string } }[]
  }
  const { data } = await ask<Providers>(server, 'GET', '/api/v1/providers')
  return data.find(({ name }) => name === 'bad')?.breaker.state === 'closed' ? 'closed' : 'open'
}

function hangingRow(what: string, rounds: readonly Hanging[]): Row {
  const runs = rounds.map(({ hanging }) => hanging)
  const answering = compare(
    runs,
    rounds.map((round) => round.answering),
  )
  const alone = compare(
    runs,
    rounds.map((round) => round.alone),
  )
  const answers = new Map<string, number>()
  for (const { statuses } of rounds)
    for (const [status, count] of Object.entries(statuses))
      answers.set(status, (answers.get(status) ?? 0) + count)
  const answered = [...answers].map(([status, count]) => `${count} with ${status}`).join(', ')
  return {
    what: `the same, while ${TRAFFIC_RATE} charges/s go to one that hangs: ${what}`,
    connections: CONNECTIONS,
    ...summary(runs),
    beside:
      `${answering.text} while it answers; ${alone.text} while nobody asks it; ` +
      `those to it were answered ${answered}`,
    aim: 'p99 as while it answers',
    met: answering.rate >= FLAT && answering.p99 <= P99_FLAT,
    raw: rounds,
  }
}

/** Medians of each round's ratios: the two runs of a round follow each other closely. */
function compare(runs: readonly Run[], references: readonly Run[]) {
  const ratio = (of: 'perSecond' | 'p99') =>
    median(runs.map((run, i) => run[of] / (references[i]?.[of] ?? Number.NaN)))
  const [rate, p99] = [ratio('perSecond'), ratio('p99')]
  return { rate, p99, text: `${rate.toFixed(2)} of the rate and ${p99.toFixed(2)} of the p99` }
}

const UNKNOWN = 100_000

/** `looked`: unknown attempts that the server claimed and postponed meanwhile. */
type UnknownRun = Run & { readonly looked: number }

export const unknownAttempts: Part = {
  names: ['unknown attempts'],
  seconds: 1,
  run: (bench) =>
    withDatabase(bench, (finishedFile) =>
      withDatabase(bench, async (unknownFile) => {
        const now = Date.now()
        fill(finishedFile, { charges: UNKNOWN, story: 'finished', provider: 'bad' }, now)
        fill(unknownFile, { charges: UNKNOWN, story: 'unknown', provider: 'bad' }, now)
        await runVerify(unknownFile)
        const bad = { url: `http://127.0.0.1:${await refusingPort()}` }
        const finished: Run[] = []
        const unknown: UnknownRun[] = []
        for (let round = 0; round < bench.rounds; round++) {
          finished.push(await newCharges(bench, finishedFile, bad))
          const startedAt = Date.now()
          const run = await newCharges(bench, unknownFile, bad)
          unknown.push({ ...run, looked: putOffSince(unknownFile, startedAt) })
        }
        await runVerify(unknownFile)
        return unknownRows(finished, unknown)
      }),
    ),
}

/** Charges through a working bank, while the server resolves the attempts that it found in the database. */
function newCharges(bench: Bench, file: string, bad: { readonly url: string }): Promise<Run> {
  return withBank(bench, (good) =>
    withProviders(bench, file, { good: { url: good.url }, bad }, async (server) => {
      await warmUp(bench, server, { seconds: WARMUP_SECONDS })
      return measure(bench, server, { connections: CONNECTIONS, scenario: { kind: 'charge' } })
    }),
  )
}

/** The attempts that were due then and are due later now: the server looked them up. */
function putOffSince(file: string, time: number): number {
  const db = new Database(file, { readonly: true })
  try {
    const count = db.prepare<[number], number>(
      `SELECT count(*) FROM attempts WHERE state = 'unknown' AND due_at > ?`,
    )
    return count.pluck().get(time) ?? 0
  } finally {
    db.close()
  }
}

function unknownRows(finished: readonly Run[], unknown: readonly UnknownRun[]): Row[] {
  const compared = compare(unknown, finished)
  const looked = median(unknown.map((run) => run.looked))
  return [
    {
      what: 'charges through one bank, over 100,000 finished charges',
      connections: CONNECTIONS,
      ...summary(finished),
    },
    {
      what: 'the same while 100,000 unknown attempts wait, due now, at a provider that refuses connections',
      connections: CONNECTIONS,
      ...summary(unknown),
      beside: `${compared.text} without them; ${looked.toLocaleString('en-US')} of them were looked at in each round`,
      aim: 'flat',
      met: compared.rate >= FLAT,
    },
  ]
}
