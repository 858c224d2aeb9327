/** The benchmark's child processes. They end with the benchmark, in every case. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Served } from './hostile-clients.ts'
import type { LoadJob, LoadMessage, LoadResult } from './load.ts'
import type { Latency } from './log-normal.ts'
import type { Received } from './receiver.ts'

const started = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

function track<T extends ChildProcess>(child: T): { child: T; exited: Promise<void> } {
  started.add(child)
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      started.delete(child)
      resolve()
    })
  })
  return { child, exited }
}

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}

/** Without the settings of a MiniPay that this machine may run. */
function cleanEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(MINIPAY_.*|PORT|WEBHOOK_TARGET)$/.test(name)),
  )
}

export type Server = {
  /** Its name in the output. */
  readonly name: string
  /** Such as http://127.0.0.1:54321. */
  readonly url: string
  /** The process id; several if servers are measured as one. */
  readonly ports: readonly number[]
  /** CPU seconds of all threads so far; NaN without /proc. */
  cpuSeconds(): number
  /**
   * CPU seconds by kind of thread: `all`, `main`, `workers`, and `helpers`, which compile and collect garbage. Empty if
   * not on Linux.
   */
  threadSeconds(): Readonly<Record<string, number>>
  /** Bytes that it has written to disk so far; NaN without /proc. */
  bytesWritten(): number
  /** Its resident memory, in MB of 10^6 bytes; NaN without /proc. */
  residentMB(): number
  /** The largest value so far. */
  peakResidentMB(): number
  stop(): Promise<void>
}

/**
 * MiniPay on a free port, without webhooks unless `webhookTarget` is given; `settings` are further environment
 * variables, and `checkout` is the folder of its code.
 */
export function startMiniPay(
  database: string,
  webhookTarget = '',
  flags: readonly string[] = [],
  settings: Readonly<Record<string, string>> = {},
  checkout = path('..'),
): Promise<Server> {
  return startServer('minipay', [...flags, join(checkout, 'bin/minipay.js'), 'serve'], {
    PORT: '0',
    WEBHOOK_TARGET: webhookTarget,
    MINIPAY_DATABASE: database,
    ...settings,
  })
}

/** The simulator, `minipay simulator`, on a free port. */
export function startBank(database: string, secret: string): Promise<Server> {
  return startServer('bank', [path('../bin/minipay.js'), 'simulator'], {
    PORT: '0',
    MINIPAY_DATABASE: database,
    MINIPAY_SIMULATOR_SECRET: secret,
  })
}

/** Several servers, measured as one. */
export function together(servers: readonly [Server, ...Server[]]): Server {
  const sum = (of: (server: Server) => number) => servers.reduce((total, server) => total + of(server), 0)
  return {
    name: servers.length === 1 ? servers[0].name : `${servers.length} × ${servers[0].name}`,
    url: servers[0].url,
    ports: servers.flatMap((server) => server.ports),
    cpuSeconds: () => sum((server) => server.cpuSeconds()),
    threadSeconds: () => {
      const all = servers.map((server) => server.threadSeconds())
      const names = Object.keys(all[0] ?? {})
      return Object.fromEntries(
        names.map((name) => [name, all.reduce((total, seconds) => total + (seconds[name] ?? 0), 0)]),
      )
    },
    bytesWritten: () => sum((server) => server.bytesWritten()),
    residentMB: () => sum((server) => server.residentMB()),
    peakResidentMB: () => sum((server) => server.peakResidentMB()),
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}

/** A provider that says yes, at once or after times of the log-normal distribution with these quantiles. */
export function startStandIn(latency?: Latency): Promise<Server> {
  const quantiles = latency ? [String(latency.p50), String(latency.p99)] : []
  return startServer('stand-in', [path('./standin.ts'), ...quantiles], {})
}

/** The reference that calls `provider` with undici; without one, the reference that does nothing. */
/** A server that only responds to GET /health. */
export function startBareFastify(): Promise<Server> {
  return startServer('bare Fastify', [path('./bare-fastify.js')], {})
}

export function startReference(provider?: Server): Promise<Server> {
  const name = provider ? 'undici route' : 'no-op'
  return startServer(name, [path('./references.ts'), ...(provider ? [provider.url] : [])], {})
}

const START_LIMIT_MS = 30_000

/** Starts a server that prints its address once it listens: in a JSON line, or the simulator's in words. */
async function startServer(name: string, args: string[], env: Record<string, string>): Promise<Server> {
  const { child, exited } = track(
    spawn(process.execPath, args, { env: { ...cleanEnv(), ...env }, stdio: ['ignore', 'pipe', 'inherit'] }),
  )
  const url = await new Promise<string>((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      if (output.length < 65_536) output += chunk
      const address = /(?:"address":"|The simulator is at )([^"\s]+)["\s]/.exec(output)?.[1]
      if (address) resolve(address)
    })
    const fail = (why: string) => reject(new Error(`${name} ${why}:\n${output}`))
    exited.then(() => fail('ended before it listened'))
    setTimeout(fail, START_LIMIT_MS, `did not listen within ${START_LIMIT_MS} ms`).unref()
  })
  return {
    name,
    url,
    ports: [Number(new URL(url).port)],
    cpuSeconds: () => cpuSeconds(child.pid),
    threadSeconds: () => threadSeconds(child.pid),
    bytesWritten: () => bytesWritten(child.pid),
    residentMB: () => residentMB(child.pid, 'VmRSS'),
    peakResidentMB: () => residentMB(child.pid, 'VmHWM'),
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** Throws the problem that `minipay verify` found, if it found one. */
export async function runVerify(database: string): Promise<void> {
  const args = [path('../bin/minipay.js'), 'verify', '--database', database]
  const { child, exited } = track(
    spawn(process.execPath, args, { env: cleanEnv(), stdio: ['ignore', 'ignore', 'inherit'] }),
  )
  await exited
  if (child.exitCode !== 0) throw new Error(`minipay verify ended with ${child.exitCode}`)
}

/** Runs a program to its end and returns its output; throws that output if it fails. */
export async function runProgram(program: string, args: readonly string[]): Promise<string> {
  const { child } = track(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }))
  let output = ''
  let said = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (said += chunk))
  await once(child, 'close')
  if (child.exitCode !== 0) throw new Error(`${program} ended with ${child.exitCode}:\n${said}`)
  return output
}

const CLOCK_TICKS_PER_SECOND = 100

function cpuSeconds(pid: number | undefined): number {
  const [user = Number.NaN, system = Number.NaN] = times(pid)
  return user + system
}

/**
 * Reads Linux's schedstat, whose first number is nanoseconds on a CPU: the ticks of `stat` are too coarse for a thread.
 */
function threadSeconds(pid: number | undefined): Record<string, number> {
  const seconds = { all: 0, main: 0, workers: 0, helpers: 0 }
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const read = (file: string) => readFileSync(`/proc/${pid}/task/${thread}/${file}`, 'latin1')
      const used = Number(read('schedstat').split(' ')[0]) / 1e9
      seconds.all += used
      seconds[thread === String(pid) ? 'main' : read('comm').startsWith('Worker') ? 'workers' : 'helpers'] +=
        used
    }
    return seconds
  } catch {
    return {}
  }
}

/** CPU seconds of a process and its children, including those that have ended. */
export function familyCpuSeconds(pid: number): number {
  const own = times(pid).reduce((sum, seconds) => sum + seconds, 0)
  return childrenOf(pid).reduce((sum, child) => sum + (cpuSeconds(child) || 0), own)
}

/** Bytes written by a process and its children; Linux adds those of an ended child to its parent's. */
export function familyBytesWritten(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + (bytesWritten(child) || 0), bytesWritten(pid))
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').map(Number)
  } catch {
    return []
  }
}

/** https://docs.kernel.org/filesystems/proc.html: `write_bytes` counts what a process sends to the storage layer. */
function bytesWritten(pid: number | undefined): number {
  try {
    return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1])
  } catch {
    return Number.NaN
  }
}

/** In seconds: user and system time of a process, and of its children that ended. Empty without /proc. */
function times(pid: number | undefined): number[] {
  try {
    // The fields after the command's closing bracket begin with the third; these are 14 to 17.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
    return fields.slice(11, 15).map((ticks) => Number(ticks) / CLOCK_TICKS_PER_SECOND)
  } catch {
    return []
  }
}

function residentMB(pid: number | undefined, field: 'VmRSS' | 'VmHWM'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const kib = new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]
    return (Number(kib) * 1024) / 1e6
  } catch {
    return Number.NaN
  }
}

export type LoadGenerator = {
  /** Runs a job to its end; calls `onMeasuring` after its warm-up, and `onMeasured` when the measured time is over. */
  run(job: LoadJob, onMeasuring?: () => void, onMeasured?: () => void): Promise<LoadResult>
  stop(): Promise<void>
}

export function startLoad(): LoadGenerator {
  const { child, exited } = track(fork(path('./load.ts')))
  return {
    async run(job, onMeasuring, onMeasured) {
      const { promise, resolve, reject } = Promise.withResolvers<LoadResult>()
      const onMessage = (message: LoadMessage) => {
        if (message === 'measuring') onMeasuring?.()
        else if (message === 'measured') onMeasured?.()
        else resolve(message)
      }
      const onExit = () => reject(new Error('the load generator ended'))
      child.on('message', onMessage).once('exit', onExit)
      child.send(job)
      try {
        return await promise
      } finally {
        child.off('message', onMessage).off('exit', onExit)
      }
    },
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** A port without a listener: connections to it are refused. */
export async function refusingPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

export type HostileClients = { served(): Promise<Served>; stop(): Promise<void> }

/** Clients that cost a server much; resolves when all are connected. */
export async function startHostileClients(
  { ports }: Server,
  program: 'hostile-clients' | 'slow-clients',
): Promise<HostileClients> {
  const { child, exited } = track(fork(path(`./${program}.ts`), [String(ports[0])]))
  await Promise.race([
    once(child, 'message'),
    exited.then(() => Promise.reject(new Error('the hostile clients ended'))),
  ])
  return {
    async served() {
      const counted = once(child, 'message')
      child.send('count')
      return (await counted)[0]
    },
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

export type WebhookReceiver = Pick<Server, 'cpuSeconds' | 'bytesWritten'> & {
  readonly url: string
  received(): Promise<Received>
  stop(): Promise<void>
}

export async function startReceiver(): Promise<WebhookReceiver> {
  const { child, exited } = track(fork(path('./receiver.ts')))
  const next = <T>() => new Promise<T>((resolve) => child.once('message', (message) => resolve(message as T)))
  const port = await next<number>()
  return {
    url: `http://127.0.0.1:${port}/webhook`,
    cpuSeconds: () => cpuSeconds(child.pid),
    bytesWritten: () => bytesWritten(child.pid),
    received() {
      child.send('count')
      return next<Received>()
    },
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}
