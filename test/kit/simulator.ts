/** The simulator as a process of its own, for tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { type Answer, call } from './http.ts'
import { CLI } from './server.ts'

/** A payment as the bank's statement shows it. */
export type StatedPayment = {
  readonly payment: string
  readonly reference: string
  readonly transaction_id: string
  readonly amount: number
  readonly currency: string
  readonly status: string
  readonly captured: number
  readonly refunded: number
  readonly canceled: boolean
  readonly expires_at: string | null
  readonly disputed: number
}

export type Statement = {
  readonly payments: readonly StatedPayment[]
  readonly totals: Readonly<
    Record<string, { payments: number; captured: number; refunded: number; authorized: number }>
  >
}

type Counts = Readonly<Record<'authorize' | 'capture' | 'cancel' | 'refund' | 'lookup', number>>
export type Calls = { readonly received: Counts; readonly done: Counts; readonly held: number }

export type RunningBank = {
  /** Such as http://127.0.0.1:54321. */
  readonly url: string
  readonly port: number
  readonly secret: string
  readonly database: string
  readonly process: ChildProcess
  /** A call that the bank must answer with 2xx. */
  control<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>
  /** Has the next calls of an operation end in a fault of the bank's table. */
  arm(operation: keyof Counts, fault: string, count?: number): Promise<void>
  /** Rates of faults from now on, and `latency_ms`, `late_ms` and `seed`. */
  faults(settings: Readonly<Record<string, number>>): Promise<void>
  calls(): Promise<Calls>
  /** Resolves when that many calls of an operation, from its start, were received, or done. */
  waitFor(stage: 'received' | 'done', operation: keyof Counts, count: number): Promise<void>
  statement(): Promise<Statement>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

export type BankOptions = {
  readonly secret?: string
  /** A port of before, to come back at the same address; a free one unless given. */
  readonly port?: number
  readonly notify?: string
}

export function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}

/** Starts `minipay simulator` on a database file; resolves when it listens. */
export async function startBank(database: string, options: BankOptions = {}): Promise<RunningBank> {
  const { secret = newSecret(), port = 0, notify } = options
  const args = ['simulator', '--port', String(port), '--database', database]
  const child = spawn(process.execPath, [CLI, ...args, ...(notify ? ['--notify', notify] : [])], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], MINIPAY_SIMULATOR_SECRET: secret },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const url = await listening(child, exited)

  async function control<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer: Answer<T> = await call<T>(url, method, path, body)
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  return {
    url,
    port: Number(new URL(url).port),
    secret,
    database,
    process: child,
    control,
    arm: async (operation, fault, count = 1) =>
      void (await control('PUT', '/faults/next', { operation, fault, count })),
    faults: async (settings) => void (await control('PUT', '/faults', settings)),
    calls: () => control<Calls>('GET', '/calls'),
    waitFor: async (stage, operation, count) =>
      void (await control('GET', `/calls?operation=${operation}&${stage}=${count}`)),
    statement: () => control<Statement>('GET', '/statement'),
    async stop() {
      child.kill('SIGTERM')
      return exited
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** The address that the process says it listens at. */
function listening(child: ChildProcess, exited: Promise<number | null>): Promise<string> {
  let output = ''
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk
      const address = /The simulator is at (\S+)\n/.exec(output)?.[1]
      if (address) resolve(address)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    exited.then((code) => reject(new Error(`the bank ended with ${code} before it listened:\n${output}`)))
  })
}
