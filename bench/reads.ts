/** Reads over a short and a long history: their cost must not grow with it. */
import {
  type Bench,
  measure,
  median,
  type Part,
  type Row,
  type Run,
  summary,
  withDatabase,
  withServer,
} from './bench.ts'
import { fill } from './fill.ts'
import { runVerify, type Server, startMiniPay } from './processes.ts'

const SHORT = 1000
const LONG = 1_000_000
const CONNECTIONS = 64
const WARMUP_SECONDS = 0.3
const PATHS = ['/api/v1/balance', '/api/v1/charges']
/** The aim: reads over the long history are as fast as over the short one, apart from noise. */
const FLAT = 0.9

export const reads: Part = {
  names: ['reads'],
  seconds: 1,
  run: (bench) =>
    withDatabase(bench, (shortFile) =>
      withDatabase(bench, async (longFile) => {
        const now = Date.now()
        fill(shortFile, { charges: SHORT, story: 'finished' }, now)
        await runVerify(shortFile)
        fill(longFile, { charges: LONG, story: 'finished' }, now)
        return withServer(startMiniPay(shortFile, '', bench.nodeFlags), (short) =>
          withServer(startMiniPay(longFile, '', bench.nodeFlags), (long) => compare(bench, short, long)),
        )
      }),
    ),
}

/** The same reads on a server over a short history and on one over a long one, in turn. */
export async function compare(bench: Bench, short: Server, long: Server): Promise<Row[]> {
  const runs = PATHS.map(() => ({ short: [] as Run[], long: [] as Run[] }))
  // The first round does not count: it warms up both servers.
  for (let round = 0; round <= bench.rounds; round++) {
    for (const [i, path] of PATHS.entries()) {
      const seconds = round === 0 ? WARMUP_SECONDS : bench.seconds
      const job = { connections: CONNECTIONS, seconds, scenario: { kind: 'get', path } } as const
      const pair = { short: await measure(bench, short, job), long: await measure(bench, long, job) }
      if (round === 0) continue
      runs[i]?.short.push(pair.short)
      runs[i]?.long.push(pair.long)
    }
  }
  return PATHS.flatMap((path, i) => rows(path, runs[i]?.short ?? [], runs[i]?.long ?? []))
}

function rows(path: string, short: readonly Run[], long: readonly Run[]): Row[] {
  const ratio = median(long.map((run) => run.perSecond)) / median(short.map((run) => run.perSecond))
  const what = `GET ${path}${path.endsWith('charges') ? ', a page of 20,' : ''}`
  return [
    { what: `${what} over 1 thousand charges`, connections: CONNECTIONS, ...summary(short) },
    {
      what: `${what} over 1 million charges`,
      connections: CONNECTIONS,
      ...summary(long),
      beside: `${ratio.toFixed(2)} of the rate over 1 thousand`,
      aim: 'flat',
      met: ratio >= FLAT,
    },
  ]
}
