/** The simulator as a separate process, for tests. */
import { randomBytes } from 'node:crypto'
import { type Answer, call } from './http.ts'
import { type RunningProcess, startProcess } from './process.ts'
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

export type Simulator = Omit<RunningProcess, 'gone'> & {
  readonly port: number
  readonly secret: string
  readonly database: string
  /** A call to which the bank must respond with 2xx. */
  control<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>
  /** Makes the next calls of an operation end in a fault of the bank's table. */
  arm(operation: keyof Counts, fault: string, count?: number): Promise<void>
  /** Sets the rates of faults from now on, and `latency_ms`, `late_ms` and `seed`. */
  faults(settings: Readonly<Record<string, number>>): Promise<void>
  calls(): Promise<Calls>
  /** Resolves when the bank has received, or done, that many calls of an operation since its start. */
  waitFor(stage: 'received' | 'done', operation: keyof Counts, count: number): Promise<void>
  statement(): Promise<Statement>
  /** Starts it again at its address and on its database, after it was killed. */
  start(): Promise<void>
}

export type SimulatorOptions = {
  readonly secret?: string
  /** A former port, to restart at the same address; a free one unless given. */
  readonly port?: number
  readonly notify?: string
}

export function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}

/** Starts `minipay simulator` on a database file; resolves when it listens. */
export async function startSimulator(database: string, options: SimulatorOptions = {}): Promise<Simulator> {
  const { secret = newSecret(), port = 0, notify } = options
  const begin = (at: number) => {
    const args = [
      'simulator',
      '--port',
      String(at),
      '--database',
      database,
      ...(notify ? ['--notify', notify] : []),
    ]
    const { PATH, HOME } = process.env
    const env = { PATH, HOME, MINIPAY_SIMULATOR_SECRET: secret }
    return startProcess([CLI, ...args], env, /The simulator is at (\S+)\n/)
  }
  let life = await begin(port)
  const { url } = life

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
    get process() {
      return life.process
    },
    output: () => life.output(),
    control,
    arm: async (operation, fault, count = 1) =>
      void (await control('PUT', '/faults/next', { operation, fault, count })),
    faults: async (settings) => void (await control('PUT', '/faults', settings)),
    calls: () => control<Calls>('GET', '/calls'),
    waitFor: async (stage, operation, count) =>
      void (await control('GET', `/calls?operation=${operation}&${stage}=${count}`)),
    statement: () => control<Statement>('GET', '/statement'),
    stop: () => life.stop(),
    kill: () => life.kill(),
    async start() {
      life = await begin(Number(new URL(url).port))
    },
  }
}
