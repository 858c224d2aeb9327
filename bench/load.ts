/**
 * The load generator: its own process, so it does not share an event loop with MiniPay. It takes one `LoadJob` at a
 * time over IPC, sends `'measuring'` when the measured time begins, `'measured'` when it is over, and a `LoadResult` after
 * the last response. It ends with its parent.
 */
import { Connection, type ConnectionEvents } from './connection.ts'
import { type RememberedCharge, type RequestMaker, requestMaker, type Scenario } from './requests.ts'

export type LoadJob = {
  /** Connections are spread evenly over them. */
  readonly ports: readonly number[]
  readonly connections: number
  /** Not measured, in seconds. */
  readonly warmup: number
  readonly seconds: number
  /** Open loop: requests per second, due at fixed times even if earlier ones have no response yet. */
  readonly rate?: number
  readonly scenario: Scenario
}

export type LoadResult = {
  /** Responses in the measured time; in the open loop, of requests that were due in it. */
  readonly requests: number
  readonly perSecond: number
  /**
   * Latencies in ms. In the open loop they count from the due time, so that a stall counts in full. In the closed loop
   * they include the requests in flight at the end, or slow ones would be missing.
   */
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** Every response by its status, including the warm-up. */
  readonly statuses: Readonly<Record<string, number>>
  /** Responses with an unexpected status, and requests without a response. */
  readonly errors: number
  /** CPU seconds of this process per measured second: near 1, this process is the bottleneck. */
  readonly cpu: number
}

export type LoadMessage = 'measuring' | 'measured' | LoadResult

/** How long it waits at the end for the responses of requests in flight, in ms. */
const DRAIN_MS = 20_000
const INITIAL_SAMPLES = 1 << 20

/** Charges of the last job that had to remember some. */
let remembered: RememberedCharge[] = []

/** The results of a job so far. */
class Tally {
  readonly #expected: number
  #latencies = new Float64Array(INITIAL_SAMPLES)
  #count = 0
  #requests = 0
  #lost = 0
  readonly #statuses = new Map<number, number>()

  constructor(expectedStatus: number) {
    this.#expected = expectedStatus
  }

  status(status: number): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1)
  }

  request(): void {
    this.#requests++
  }

  latency(ms: number): void {
    if (this.#count === this.#latencies.length) {
      const longer = new Float64Array(this.#count * 2)
      longer.set(this.#latencies)
      this.#latencies = longer
    }
    this.#latencies[this.#count++] = ms
  }

  lost(requests: number): void {
    this.#lost += requests
  }

  result(seconds: number, cpu: number): LoadResult {
    const sorted = this.#latencies.subarray(0, this.#count).sort()
    const at = (share: number) => sorted[Math.min(this.#count - 1, Math.floor(share * this.#count))] ?? 0
    let errors = this.#lost
    for (const [status, count] of this.#statuses) if (status !== this.#expected) errors += count
    return {
      requests: this.#requests,
      perSecond: this.#requests / seconds,
      p50: at(0.5),
      p99: at(0.99),
      max: at(1),
      statuses: Object.fromEntries(this.#statuses),
      errors,
      cpu,
    }
  }
}

/** The times of a job, by `performance.now()`. */
type Span = { readonly start: number; readonly from: number; readonly until: number }

/** Decides when a connection sends. Both loops are called for every response, and report when they have finished. */
type Pace = {
  start(connections: readonly Connection[]): void
  answered(connection: Connection, now: number): void
  stop(): void
}

/** Each connection sends its next request as soon as it has the last response. */
function closedLoop(maker: RequestMaker, span: Span, tally: Tally, done: () => void): Pace {
  let out = 0
  return {
    start(connections) {
      out = connections.length
      for (const connection of connections) connection.send(maker.next(), performance.now())
    },
    answered(connection, now) {
      if (now >= span.from) {
        tally.latency(now - connection.since)
        if (now < span.until) tally.request()
      }
      if (now < span.until) connection.send(maker.next(), now)
      else if (--out === 0) done()
    },
    stop: () => tally.lost(out),
  }
}

/**
 * Request i is due at start + i / rate. If every connection is busy, or the timer is late, it is sent as soon as
 * possible; its latency counts from the due time (no coordinated omission).
 */
function openLoop(maker: RequestMaker, rate: number, span: Span, tally: Tally, done: () => void): Pace {
  const total = Math.floor(((span.until - span.start) * rate) / 1000)
  const idle: Connection[] = []
  let sent = 0
  let answers = 0
  const pump = () => {
    const now = performance.now()
    while (sent < total && idle.length > 0) {
      const due = span.start + (sent * 1000) / rate
      if (due > now) return
      sent++
      ;(idle.pop() as Connection).send(maker.next(), due)
    }
  }
  const timer = setInterval(pump, 1)
  return {
    start: (connections) => void idle.push(...connections),
    answered(connection, now) {
      if (connection.since >= span.from) {
        tally.latency(now - connection.since)
        tally.request()
      }
      idle.push(connection)
      if (++answers === total) done()
      else pump()
    },
    stop() {
      clearInterval(timer)
      tally.lost(total - answers)
    },
  }
}

type OnAnswer = ConnectionEvents['onAnswer']

async function openConnections(job: LoadJob, onAnswer: OnAnswer, onLost: () => void): Promise<Connection[]> {
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>()
  let pending = job.connections
  const events: ConnectionEvents = {
    onOpen() {
      if (--pending === 0) resolve()
    },
    onAnswer,
    onLost() {
      reject(new Error(`a server on ${job.ports.join(', ')} closed a connection`))
      onLost()
    },
  }
  const connections = Array.from(
    { length: job.connections },
    (_, i) => new Connection(job.ports[i % job.ports.length] as number, events),
  )
  await opened
  return connections
}

/** CPU seconds of this process per second, over the measured time. */
function cpuClock(span: Span, onStart: () => void, onEnd: () => void) {
  let before = process.cpuUsage()
  let share: number | undefined
  const read = () => {
    const { user, system } = process.cpuUsage(before)
    share ??= (user + system) / 1000 / (span.until - span.from)
    return share
  }
  const starting = setTimeout(() => {
    before = process.cpuUsage()
    onStart()
  }, span.from - span.start)
  const stopping = setTimeout(() => {
    read()
    onEnd()
  }, span.until - span.start)
  return {
    stop(): number {
      clearTimeout(starting)
      clearTimeout(stopping)
      return read()
    },
  }
}

async function run(job: LoadJob): Promise<LoadResult> {
  const { scenario } = job
  const remember = scenario.kind === 'charge' ? (scenario.remember ?? 0) : 0
  if (remember > 0) remembered = []
  const maker = requestMaker(scenario, job.ports[0] as number, remembered)
  const tally = new Tally(maker.expectedStatus)
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  let pace: Pace | undefined
  const onAnswer: OnAnswer = (connection, status, answer) => {
    tally.status(status)
    if (remembered.length < remember && answer) {
      const id = /"id":"(txn_\w+)"/.exec(answer.toString('latin1'))?.[1]
      if (id) remembered.push({ request: connection.request, id })
    }
    pace?.answered(connection, performance.now())
  }
  // A lost connection ends the job: its requests in flight, and all later ones, count as errors.
  const connections = await openConnections(job, onAnswer, () => end())
  const start = performance.now()
  const from = start + job.warmup * 1000
  const span: Span = { start, from, until: from + job.seconds * 1000 }
  pace =
    job.rate === undefined ? closedLoop(maker, span, tally, end) : openLoop(maker, job.rate, span, tally, end)

  const clock = cpuClock(
    span,
    () => process.send?.('measuring'),
    () => process.send?.('measured'),
  )
  const late = setTimeout(end, span.until - start + DRAIN_MS)
  pace.start(connections)
  await ended
  clearTimeout(late)
  pace.stop()
  const cpu = clock.stop()
  for (const connection of connections) connection.close()
  return tally.result(job.seconds, cpu)
}

process.on('message', async (job: LoadJob) => {
  process.send?.(await run(job))
})
process.on('disconnect', () => process.exit())
