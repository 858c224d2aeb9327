/**
 * The time from the command to the first response, and the memory of an idle server, beside a bare Fastify server and a
 * bare Node on the same machine.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Bench, median, type Part, type Row, withDatabase, withServer } from './bench.ts'
import { runProgram, type Server, startBareFastify, startMiniPay } from './processes.ts'

const STARTS = 5
/** The most that a start may take, in ms, and its memory, in MB of 10^6 bytes: on the machine of the first measurements. */
const START_AIM_MS = 200
const RESIDENT_AIM_MB = 85
/** By then an idle MiniPay has loaded every module. */
const IDLE_MS = 2_000

type Start = {
  readonly ms: number
  /** CPU time of all threads until the first response, in ms. */
  readonly cpuMs: number
  readonly residentMB: number
  /** Two seconds later. */
  readonly idleMB: number
}

async function startOnce(begin: () => Promise<Server>): Promise<Start> {
  const spawned = performance.now()
  return withServer(begin(), async (server) => {
    const { status } = await fetch(`${server.url}/health`)
    const ms = performance.now() - spawned
    if (status !== 200) throw new Error(`/health answered ${status}`)
    const cpuMs = (server.threadSeconds()['all'] ?? Number.NaN) * 1_000
    const residentMB = server.residentMB()
    await delay(IDLE_MS)
    return { ms, cpuMs, residentMB, idleMB: server.residentMB() }
  })
}

/** Node without a program: until its end. */
async function runBareNode(): Promise<Start> {
  const spawned = performance.now()
  const script = 'console.log(process.memoryUsage.rss(), process.cpuUsage().user + process.cpuUsage().system)'
  const [bytes = Number.NaN, micros = Number.NaN] = (await runProgram(process.execPath, ['-e', script]))
    .split(' ')
    .map(Number)
  const ms = performance.now() - spawned
  return { ms, cpuMs: micros / 1_000, residentMB: bytes / 1e6, idleMB: bytes / 1e6 }
}

/** MiniPay on a new database, and again on that database. */
async function startMiniPays(bench: Bench): Promise<readonly [Start, Start]> {
  return withDatabase(bench, async (file) => {
    const begin = () => startMiniPay(file, '', bench.nodeFlags)
    return [await startOnce(begin), await startOnce(begin)]
  })
}

export const start: Part = {
  names: ['start'],
  async run(bench) {
    // The first starts fill Node's compile cache, as every first start on a machine does.
    await startMiniPays(bench)
    await startOnce(startBareFastify)
    const [onNew, again, fastify, node]: [Start[], Start[], Start[], Start[]] = [[], [], [], []]
    for (let i = 0; i < STARTS; i++) {
      const [first, second] = await startMiniPays(bench)
      onNew.push(first)
      again.push(second)
      fastify.push(await startOnce(startBareFastify))
      node.push(await runBareNode())
    }
    const [ms, mb] = [median(onNew.map((one) => one.ms)), median(onNew.map((one) => one.residentMB))]
    return [
      {
        ...row(
          `**start on a new database**, from spawn to 200 on /health, median of ${STARTS}`,
          onNew,
          fastify,
        ),
        aim: `< ${START_AIM_MS} ms, < ${RESIDENT_AIM_MB} MB`,
        met: ms < START_AIM_MS && mb < RESIDENT_AIM_MB,
      },
      row('the same on a database that exists', again, fastify),
      row('a bare Fastify server', fastify),
      row('`node -e`, until its end', node),
    ]
  },
}

/** Adds the ratios of the medians to those of `reference`, if given. */
function row(what: string, starts: readonly Start[], reference?: readonly Start[]): Row {
  const shown = (of: (start: Start) => number, unit: string) => {
    const ours = median(starts.map(of))
    return `${ours.toFixed(0)} ${unit}${reference ? ` (${(ours / median(reference.map(of))).toFixed(2)})` : ''}`
  }
  const beside = [
    shown((one) => one.ms, 'ms'),
    `CPU ${shown((one) => one.cpuMs, 'ms')}`,
    shown((one) => one.residentMB, 'MB'),
    `${shown((one) => one.idleMB, 'MB')} two seconds later`,
  ]
  return { what, beside: beside.join(', '), raw: starts }
}
