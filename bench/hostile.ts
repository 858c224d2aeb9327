/** Healthy customers beside hostile clients: the customers' latency, and the server's memory. */
import {
  type Bench,
  measure,
  median,
  type Part,
  type Row,
  type Run,
  summary,
  warmUp,
  withMiniPay,
} from './bench.ts'
import type { Served } from './hostile-clients.ts'
import { type Server, startHostileClients } from './processes.ts'

const CONNECTIONS = 64
/** Charges per second, in the open loop: a busy shop, and not the maximum. */
const RATE = 200
const P99_AIM_MS = 50

const LARGE_CHARGES = 30
const SECONDS = 5

const KINDS = [
  {
    program: 'hostile-clients',
    memoryAimMB: 300,
    who: '5 clients that send bodies byte by byte, 100 that never read and 16 on /docs',
  },
  {
    program: 'slow-clients',
    // They send 130 MB within a second or two.
    memoryAimMB: 450,
    who: '1,000 clients that never end a head, 1,000 that never end a body and 1,000 that never read',
  },
] as const
type Kind = (typeof KINDS)[number]

export const hostile: Part = {
  names: ['hostile clients'],
  onlyWhenNamed: true,
  seconds: 1,
  async run(bench) {
    const all: Row[] = []
    for (const kind of KINDS) {
      const rounds: Round[] = []
      for (let round = 0; round < bench.rounds; round++) rounds.push(await oneRound(bench, kind))
      all.push(...rows(rounds, kind))
    }
    return all
  },
}

type Round = { readonly alone: Run; readonly beside: Run; readonly served: Served; readonly peakMB: number }

function oneRound(bench: Bench, { program }: Kind): Promise<Round> {
  return withMiniPay(bench, async (server) => {
    await makeLargeCharges(server)
    await warmUp(bench, server)
    const job = {
      connections: CONNECTIONS,
      rate: RATE,
      seconds: SECONDS,
      scenario: { kind: 'charge' },
    } as const
    const alone = await measure(bench, server, job)
    const clients = await startHostileClients(server, program)
    try {
      const beside = await measure(bench, server, job)
      return { alone, beside, served: await clients.served(), peakMB: server.peakResidentMB() }
    } finally {
      await clients.stop()
    }
  })
}

/** A page of these is as long as a page may be. */
async function makeLargeCharges({ url }: Server): Promise<void> {
  const metadata = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`key_${i}`, 'ab "quoted" '.repeat(41)]),
  )
  const body = JSON.stringify({ amount: 100, currency: 'usd', customer: 'cus_1', metadata })
  for (let i = 0; i < LARGE_CHARGES; i++) {
    const { status } = await fetch(`${url}/api/v1/charges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    if (status !== 201) throw new Error(`a large charge was answered ${status}`)
  }
}

function rows(rounds: readonly Round[], { who, memoryAimMB }: Kind): Row[] {
  const besideThem = summary(rounds.map(({ beside }) => beside))
  const peakMB = median(rounds.map((round) => round.peakMB))
  const kinds = Object.keys(rounds[0]?.served ?? {})
  const meanwhile = kinds.map(
    (kind) => `${rounds.reduce((sum, { served }) => sum + (served[kind] ?? 0), 0)} ${kind}`,
  )
  return [
    {
      what: `charges, open loop at ${RATE} a second, alone`,
      connections: CONNECTIONS,
      ...summary(rounds.map(({ alone }) => alone)),
    },
    {
      what: `the same beside ${who}`,
      connections: CONNECTIONS,
      ...besideThem,
      beside: `meanwhile ${meanwhile.join(', ')}`,
      aim: `p99 < ${P99_AIM_MS} ms`,
      met: (besideThem.p99 ?? Number.NaN) < P99_AIM_MS,
    },
    {
      what: 'the most resident memory beside them',
      beside: `${peakMB.toFixed(0)} MB`,
      aim: `< ${memoryAimMB} MB`,
      met: peakMB < memoryAimMB,
      raw: rounds.map((round) => round.peakMB),
    },
  ]
}
