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
  withDatabase,
  withServer,
} from './bench.ts'
import type { Served } from './hostile-clients.ts'
import { type Server, startHostileClients, startMiniPay } from './processes.ts'

const CONNECTIONS = 64
/** Charges per second, in the open loop: a busy shop, and not the maximum. */
const RATE = 200
const P99_AIM_MS = 50
const MEMORY_AIM_MB = 300
const LARGE_CHARGES = 30
const SECONDS = 5

export const hostile: Part = {
  names: ['hostile clients'],
  async run(bench) {
    const rounds: Round[] = []
    for (let round = 0; round < bench.rounds; round++) rounds.push(await oneRound(bench))
    return rows(rounds)
  },
}

type Round = { readonly alone: Run; readonly beside: Run; readonly served: Served; readonly peakMB: number }

function oneRound(bench: Bench): Promise<Round> {
  return withDatabase(bench, (file) =>
    withServer(startMiniPay(file, '', bench.nodeFlags), async (server) => {
      await makeLargeCharges(server)
      await warmUp(bench, server)
      const job = {
        connections: CONNECTIONS,
        rate: RATE,
        seconds: SECONDS,
        scenario: { kind: 'charge' },
      } as const
      const alone = await measure(bench, server, job)
      const clients = await startHostileClients(server)
      try {
        const beside = await measure(bench, server, job)
        return { alone, beside, served: await clients.served(), peakMB: server.peakResidentMB() }
      } finally {
        await clients.stop()
      }
    }),
  )
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

function rows(rounds: readonly Round[]): Row[] {
  const besideThem = summary(rounds.map(({ beside }) => beside))
  const peakMB = median(rounds.map((round) => round.peakMB))
  const sum = (of: keyof Served) => rounds.reduce((total, { served }) => total + served[of], 0)
  return [
    {
      what: `charges, open loop at ${RATE} a second, alone`,
      connections: CONNECTIONS,
      ...summary(rounds.map(({ alone }) => alone)),
    },
    {
      what: 'the same beside 5 clients that send bodies byte by byte, 100 that never read and 16 on /docs',
      connections: CONNECTIONS,
      ...besideThem,
      beside: `meanwhile ${sum('bodies')} bodies, ${sum('documents')} documents and ${sum('unread')} connections without a reader`,
      aim: `p99 < ${P99_AIM_MS} ms`,
      met: (besideThem.p99 ?? Number.NaN) < P99_AIM_MS,
    },
    {
      what: 'the most resident memory beside them',
      beside: `${peakMB.toFixed(0)} MB`,
      aim: `< ${MEMORY_AIM_MB} MB`,
      met: peakMB < MEMORY_AIM_MB,
      raw: rounds.map((round) => round.peakMB),
    },
  ]
}
