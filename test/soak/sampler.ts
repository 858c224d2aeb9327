/** Looks at MiniPay every now and then as an operator does: from outside, by /proc, its files and its metrics. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { call } from '../kit/http.ts'
import type { ClusterNode } from '../kit/nodes.ts'
import { middle, type Sample } from './trends.ts'

/** Why nothing can be sampled here, or nothing. */
export const noProc = process.platform === 'linux' ? undefined : 'it reads /proc'

const MIB = 1024 * 1024

export type Sizes = { readonly walBytes: number; readonly databaseBytes: number }

export type Watch = {
  readonly node: ClusterNode
  readonly sizes: () => Promise<Sizes>
  /** Whether a long read holds the log now. */
  readonly held: () => boolean
}

export type Sampler = {
  /** Samples of the life that runs, or ran last. */
  readonly samples: readonly Sample[]
  /** A new process has begun. */
  nextLife(): void
  /** A healthy client's request that waits for no provider took so long. */
  took(ms: number): void
  /** Everything that `took` was given, in ms. */
  readonly latencies: readonly number[]
  /** Takes a sample now; undefined while nothing runs, or its metrics do not come. */
  sample(): Promise<Sample | undefined>
  /** A scrape starts the event loop's histogram anew: so every reader of the metrics tells the longest delay. */
  scrape(): Promise<string | undefined>
  stop(): Promise<void>
}

export function startSampler({ node, sizes, held }: Watch, everyMs: number): Sampler {
  let samples: Sample[] = []
  let beganAt = performance.now()
  let fresh: number[] = []
  const latencies: number[] = []
  let longestPauseMs = 0
  let starvedMs = 0
  let stopping = false

  async function scrape(): Promise<string | undefined> {
    const answer = await call<string>(node.url, 'GET', '/metrics', undefined, { accept: 'text/plain' }).catch(
      () => undefined,
    )
    if (answer?.status !== 200) return undefined
    longestPauseMs = Math.max(
      longestPauseMs,
      1_000 * numberOf(answer.body, 'nodejs_eventloop_lag_max_seconds'),
    )
    return answer.body
  }

  async function sample(): Promise<Sample | undefined> {
    const deaths = node.deaths()
    const text = node.isUp() ? await scrape() : undefined
    const process = text === undefined ? undefined : processOf(node.pid())
    if (text === undefined || process === undefined || node.deaths() !== deaths) return undefined
    const { walBytes, databaseBytes } = await sizes()
    const taken: Sample = {
      atMs: performance.now() - beganAt,
      held: held(),
      rssMiB: process.rssMiB,
      heapMiB:
        (numberOf(text, 'nodejs_heap_size_used_bytes') + numberOf(text, 'nodejs_external_memory_bytes')) /
        MIB,
      descriptors: process.descriptors,
      walMiB: walBytes / MIB,
      databaseMiB: databaseBytes / MIB,
      pauseMs: longestPauseMs,
      starvedMs: process.starvedMs - starvedMs,
      p50Ms: middle(fresh, 0.5) ?? null,
      p99Ms: middle(fresh, 0.99) ?? null,
      pendingWebhooks: numberOf(text, 'minipay_webhook_deliveries{state="pending"}'),
      unknownAttempts: numberOf(text, 'minipay_attempts{state="unknown"}'),
    }
    longestPauseMs = 0
    starvedMs = process.starvedMs
    fresh = []
    samples.push(taken)
    return taken
  }

  async function watch(): Promise<void> {
    while (!stopping) {
      await sample()
      await pause(everyMs)
    }
  }

  const watching = watch()
  return {
    get samples() {
      return samples
    },
    latencies,
    nextLife() {
      samples = []
      beganAt = performance.now()
      fresh = []
      longestPauseMs = 0
      starvedMs = 0
    },
    took(ms) {
      fresh.push(ms)
      latencies.push(ms)
    },
    sample,
    scrape,
    stop() {
      stopping = true
      return watching
    },
  }
}

/** A metric's value; 0 when it is not there. */
function numberOf(text: string, name: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return line === undefined ? 0 : Number(line.slice(name.length + 1))
}

type Process = { readonly rssMiB: number; readonly descriptors: number; readonly starvedMs: number }

/** Undefined when it has ended in between. */
function processOf(pid: number | undefined): Process | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const [, waitedNs = '0'] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')
    return {
      rssMiB: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024,
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      starvedMs: Number(waitedNs) / 1e6,
    }
  } catch {
    return undefined
  }
}

/** The most memory that the process ever had, in MiB; 0 when it has ended. */
export function peakRss(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  } catch {
    return 0
  }
}

/** What the process has open, counted by kind or file. */
export function descriptorsOf(pid: number | undefined): ReadonlyMap<string, number> {
  const names = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:\[\d+\]$/, '')]
    } catch {
      return []
    }
  })
  return new Map([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]))
}

/** The size of a file, 0 when it is not there. */
export function bytesOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
