/** The dashboard: its first paint in a real browser, and what open ones cost the charges. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { launchBrowser } from '../test/dashboard/browser.ts'
import { firstRows } from '../test/dashboard/first-rows.ts'
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
  withMiniPay,
  withServer,
} from './bench.ts'
import { fill } from './fill.ts'
import { runVerify, type Server, startMiniPay } from './processes.ts'

const PAINT = 'dashboard: paint'
const OPEN = 'dashboard: open'

const SHORT = 1_000
const LONG = 1_000_000
const PAINT_AIM_MS = 1_000
const MODULES_AIM = 30
const KILOBYTES_AIM = 45
/** A page over the long history may take so many times as long, and what a browser's timing varies by, in ms. */
const FLAT = { times: 1.25, ms: 40 }
const SCREENS = { Payments: ['/payments', '[data-row]'], Overview: ['/', '.figures'] } as const
const VISITS = 5

const DASHBOARDS = 10
const CONNECTIONS = 64
const OPEN_AIM = 0.97

export const dashboard: Part = {
  names: [PAINT, OPEN],
  seconds: 1,
  async run(bench, wanted) {
    const rows: Row[] = []
    if (wanted.includes(PAINT)) rows.push(...(await paints(bench)))
    if (wanted.includes(OPEN)) rows.push(...(await beside(bench)))
    return rows
  },
}

async function paints(bench: Bench): Promise<Row[]> {
  const browser = await launchBrowser()
  if (!browser) return [{ what: 'dashboard: first paint', fault: 'no Chromium was found', raw: [] }]
  try {
    return await withDatabase(bench, (shortFile) =>
      withDatabase(bench, async (longFile) => {
        const now = Date.now()
        fill(shortFile, { charges: SHORT, story: 'finished' }, now)
        await runVerify(shortFile)
        fill(longFile, { charges: LONG, story: 'finished' }, now)
        return withServer(startMiniPay(shortFile, '', bench.nodeFlags), (short) =>
          withServer(startMiniPay(longFile, '', bench.nodeFlags), (long) => visits(browser, short, long)),
        )
      }),
    )
  } finally {
    await browser.close()
  }
}

/** Visits of browsers that have nothing in their cache, to both servers in turn. */
async function visits(browser: Browser, short: Server, long: Server): Promise<Row[]> {
  const rows: Row[] = []
  for (const [name, [path, selector]] of Object.entries(SCREENS)) {
    const visit = async ({ url }: Server) => {
      const context = await browser.newContext()
      const seen = await firstRows(await context.newPage(), `${url}/dashboard${path}`, selector)
      await context.close()
      return seen
    }
    // The first visit makes the files.
    for (const server of [short, long]) await visit(server)
    const seen = { short: [], long: [] } as Record<'short' | 'long', Awaited<ReturnType<typeof visit>>[]>
    for (let i = 0; i < VISITS; i++) {
      seen.short.push(await visit(short))
      seen.long.push(await visit(long))
    }
    const [first] = seen.short
    const ms = {
      short: median(seen.short.map((one) => one.ms)),
      long: median(seen.long.map((one) => one.ms)),
    }
    const { modules = Number.NaN, kilobytes = Number.NaN } = first ?? {}
    rows.push(
      {
        what: `${name}: first paint with rows, without a cache, over 1 thousand charges`,
        beside: `${ms.short.toFixed(0)} ms, ${modules} modules and ${kilobytes.toFixed(0)} KB before it requests data`,
        aim: `< ${PAINT_AIM_MS} ms, at most ${MODULES_AIM} and ${KILOBYTES_AIM} KB`,
        met: ms.short < PAINT_AIM_MS && modules <= MODULES_AIM && kilobytes <= KILOBYTES_AIM,
        raw: seen.short,
      },
      {
        what: `${name}: the same over 1 million charges`,
        beside: `${ms.long.toFixed(0)} ms`,
        aim: 'flat',
        met: ms.long <= ms.short * FLAT.times + FLAT.ms,
        raw: seen.long,
      },
    )
  }
  return rows
}

/**
 * Charges with and without open dashboards, in turn. Each dashboard is the stream that its page keeps open, with the
 * requests that the page makes meanwhile: browsers on the same cores would measure themselves.
 */
async function beside(bench: Bench): Promise<Row[]> {
  return withMiniPay(bench, async (server) => {
    await warmUp(bench, server)
    const runs = { none: [] as Run[], open: [] as Run[] }
    const cpu = { none: [] as number[], open: [] as number[] }
    const job = { connections: CONNECTIONS, scenario: { kind: 'charge' } } as const
    const take = (kind: keyof typeof runs, run: Run) => {
      runs[kind].push(run)
      cpu[kind].push(run.micros['all'] ?? Number.NaN)
    }
    for (let round = 0; round < bench.rounds; round++) {
      take('none', await measure(bench, server, job))
      const pages = await Promise.all(Array.from({ length: DASHBOARDS }, (_, i) => openOverview(server, i)))
      take('open', await measure(bench, server, job))
      await Promise.all(pages.map((page) => page.close()))
    }
    const ratio = median(runs.open.map((run, i) => run.perSecond / (runs.none[i]?.perSecond ?? Number.NaN)))
    const micros = (kind: keyof typeof runs) => `${median(cpu[kind]).toFixed(0)} µs CPU a charge`
    return [
      {
        what: 'charges without a dashboard',
        connections: CONNECTIONS,
        ...summary(runs.none),
        beside: micros('none'),
      },
      {
        ...{ what: `charges beside ${DASHBOARDS} dashboards that stream`, connections: CONNECTIONS },
        ...summary(runs.open),
        beside: `${ratio.toFixed(2)} of the rate without; ${micros('open')}`,
        aim: `>= ${OPEN_AIM}`,
        met: ratio >= OPEN_AIM,
      },
    ]
  })
}

/** What an open page requests while there are events, besides its stream: see `src/dashboard`. */
const PACE = 'pace=1000&newest=50'
const FOLLOW_MS = 5_000

/** An Overview that is open: its stream, and the requests with which it follows events. */
async function openOverview({ url }: Server, turn: number): Promise<{ close(): Promise<void> }> {
  const stream = connect(Number(new URL(url).port), '127.0.0.1')
  stream.on('error', () => {})
  stream.write(`GET /api/v1/events/stream?${PACE} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await new Promise((resolve) => stream.once('data', resolve))
  stream.resume()
  const closing = new AbortController()
  const { signal } = closing
  const follow = async () => {
    // Pages were opened at different times, so their requests come in turn.
    await sleep((FOLLOW_MS * turn) / DASHBOARDS, undefined, { signal })
    for (;;) {
      await Promise.all(overviewPaths().map(async (path) => (await fetch(url + path, { signal })).text()))
      await sleep(FOLLOW_MS, undefined, { signal })
    }
  }
  const following = follow().catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  return {
    async close() {
      stream.destroy()
      closing.abort()
      await following
    },
  }
}

/** Its statistics of 24 hours, and what waits for a person. */
function overviewPaths(): string[] {
  const from = new Date(Date.now() - 23 * 3_600_000).toISOString()
  const statistics = (bucket: 'hour' | 'total', by: string) =>
    `/api/v1/statistics?${new URLSearchParams({ from, bucket, by })}`
  const totals = ['provider,kind,status', 'currency,kind,status', 'kind,decline_code', 'provider']
  return [
    ...['kind,status', 'provider,status'].map((by) => statistics('hour', by)),
    ...totals.map((by) => statistics('total', by)),
    '/api/v1/attention',
  ]
}
