/** The time from the command to the first response, and the memory of an idle server. */
import { type Bench, median, type Part, withDatabase, withServer } from './bench.ts'
import { startMiniPay } from './processes.ts'

const STARTS = 5
const START_AIM_MS = 300
const RESIDENT_AIM_MB = 100

type Start = { readonly ms: number; readonly residentMB: number }

function startOnce(bench: Bench): Promise<Start> {
  return withDatabase(bench, (file) => {
    const spawned = performance.now()
    return withServer(startMiniPay(file, '', bench.nodeFlags), async (server) => {
      const { status } = await fetch(`${server.url}/health`)
      const ms = performance.now() - spawned
      if (status !== 200) throw new Error(`/health answered ${status}`)
      return { ms, residentMB: server.residentMB() }
    })
  })
}

export const start: Part = {
  names: ['start'],
  async run(bench) {
    // The first start fills Node's compile cache, as every first start on a machine does.
    await startOnce(bench)
    const starts: Start[] = []
    for (let i = 0; i < STARTS; i++) starts.push(await startOnce(bench))
    const ms = median(starts.map((one) => one.ms))
    const mb = median(starts.map((one) => one.residentMB))
    return [
      {
        what: `start to first response: from spawn to 200 on /health, median of ${STARTS}`,
        beside: `${ms.toFixed(0)} ms`,
        aim: `< ${START_AIM_MS} ms`,
        met: ms < START_AIM_MS,
        raw: starts,
      },
      {
        what: 'resident memory idle: after the first response',
        beside: `${mb.toFixed(0)} MB`,
        aim: `< ${RESIDENT_AIM_MB} MB`,
        met: mb < RESIDENT_AIM_MB,
        raw: starts,
      },
    ]
  },
}
