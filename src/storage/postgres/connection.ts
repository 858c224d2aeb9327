import { randomUUID } from 'node:crypto'
import type { Client, ClientConfig } from 'pg'
import { Batch, type Prepared, type Result, type Statement } from './batch.ts'
import { ConnectionLost, type Failure, meaningOf, unusableHosts } from './errors.ts'
import { scrub } from './scrub.ts'
import { prepareSession, type SessionOptions, UnfitServer } from './session.ts'

/** One open connection to a server that accepts writes. */
export type Connection = {
  /**
   * Sends statements together and returns their results. Rejects with the error of the first failing one (then the
   * server ran none after it, and an open transaction must be rolled back), or with `ConnectionLost`.
   */
  run(statements: readonly Statement[]): Promise<Result[]>
  /** The connection cannot be used any more. */
  broken(): boolean
  /** Ends soon, even if the server does not respond. */
  close(): Promise<void>
}

/** The time-out for each host until its connection can be used, in ms. */
const CONNECT_TIMEOUT_MS = 3_000
const FAREWELL_TIMEOUT_MS = 1_000
const KEEPALIVE_MS = 5_000
/**
 * Time-outs in the server, each longer than the one before: a lock, a statement, a transaction whose node has gone.
 */
const LOCK_TIMEOUT_MS = 5_000
const STATEMENT_TIMEOUT_MS = 10_000
const IDLE_TRANSACTION_TIMEOUT_MS = 10_000
/** A server that is silent for this long counts as gone, even if TCP keeps the connection. */
const RESPONSE_TIMEOUT_MS = 20_000

/**
 * Connects to the first of the hosts that accepts writes: after a failover, another one than before. Rejects with an
 * error that names each host and the reason why it could not be used.
 */
export async function connect(
  hosts: readonly ClientConfig[],
  wanted: SessionOptions = {},
): Promise<Connection> {
  return connectionOf(await openFirst(hosts, { ...wanted, settings: { ...SETTINGS, ...wanted.settings } }))
}

/**
 * As `connect`. The connection listens on a channel: it calls `heard` with each payload, and `ended` once it has ended.
 */
export async function connectListening(
  hosts: readonly ClientConfig[],
  wanted: SessionOptions,
  channel: string,
  heard: (payload: string) => void,
  ended: () => void,
): Promise<Connection> {
  const client = await openFirst(hosts, { ...wanted, settings: { ...SETTINGS, ...wanted.settings } })
  client.on('notification', ({ payload = '' }) => heard(payload))
  client.on('end', ended)
  const connection = connectionOf(client)
  try {
    await connection.run([{ text: `LISTEN ${channel}` }])
    return connection
  } catch (error) {
    await connection.close().catch(() => {})
    throw error
  }
}

/**
 * Every statement has its index. Without this setting, the planner would scan a table that was empty when its
 * statistics were collected, and keep that plan while a million rows arrive.
 */
const SETTINGS = {
  lock_timeout: String(LOCK_TIMEOUT_MS),
  statement_timeout: String(STATEMENT_TIMEOUT_MS),
  idle_in_transaction_session_timeout: String(IDLE_TRANSACTION_TIMEOUT_MS),
  enable_indexscan: 'on',
  enable_nestloop: 'on',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
}

/**
 * Settings of connections that commit and work: one plan serves all their calls. Otherwise, while groups are small, the
 * server plans each call anew, which takes longer than the call.
 */
export const ONE_PLAN = { plan_cache_mode: 'force_generic_plan' }

/** The driver's own connection to the first of the hosts that accepts writes. */
export function openWritable(hosts: readonly ClientConfig[], wanted: SessionOptions = {}): Promise<Client> {
  return openFirst(hosts, wanted)
}

async function openFirst(hosts: readonly ClientConfig[], wanted: SessionOptions): Promise<Client> {
  const failures: Failure[] = []
  for (const host of hosts) {
    // Loaded with the first connection, because SQLite does not need the driver.
    const { default: driver } = await import('pg')
    const client = clientOf(driver.Client, host)
    try {
      return await openOne(client, wanted)
    } catch (error) {
      failures.push({ address: addressOf(client), error })
    }
  }
  throw unusableHosts(failures)
}

/** Waiting does not fix the driver's own errors, such as an unreadable certificate. */
function clientOf(Driver: typeof Client, config: ClientConfig): Client {
  try {
    return new Driver({
      application_name: 'minipay',
      ...config,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEPALIVE_MS,
    })
  } catch (error) {
    throw new UnfitServer(`the driver refuses the URL: ${(error as Error).message}`, { cause: error })
  }
}

function addressOf({ host, port }: Client): string {
  if (host.startsWith('/')) return `${host}/.s.PGSQL.${port}`
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/**
 * One deadline for the whole connect: the driver's own covers only its handshake, and a server may stop responding
 * later.
 */
async function openOne(client: Client, wanted: SessionOptions): Promise<Client> {
  // Runs before the driver reads the message and passes it to the waiting query.
  client.connection.prependListener('errorMessage', scrub)
  // The error goes to the running query, if there is one.
  client.on('error', () => {})
  const { promise: late, reject } = Promise.withResolvers<never>()
  const silent = new ConnectionLost('The server did not make a connection in time.')
  const deadline = setTimeout(reject, CONNECT_TIMEOUT_MS, silent)
  try {
    await Promise.race([client.connect().then(() => prepareSession(client, wanted)), late])
    return client
  } catch (error) {
    destroy(client)
    throw error
  } finally {
    clearTimeout(deadline)
  }
}

function connectionOf(client: Client): Connection {
  const prepared = new Map<string, Prepared>()
  // A name that only this connection uses: if a pooler gives its session to several clients, the statement must fail,
  // and never run another client's statement.
  const prefix = randomUUID()
  let names = 0
  let lostError: ConnectionLost | undefined
  const markLost = (cause?: unknown) => {
    lostError ??= new ConnectionLost(cause instanceof Error ? cause.message : 'The connection ended.', {
      cause,
    })
  }
  client.on('error', markLost)
  client.on('end', () => markLost())

  return {
    async run(statements) {
      if (lostError) throw new ConnectionLost(lostError.message, { unsent: true })
      const batch = new Batch(statements, prepared, () => `${prefix}:${++names}`)
      const silent = setTimeout(() => {
        markLost(new Error('The server does not respond.'))
        destroy(client)
      }, RESPONSE_TIMEOUT_MS)
      try {
        client.query(batch)
        return await batch.done
      } catch (error) {
        if (meaningOf(error) !== 'lost') throw error
        markLost(error)
        throw new ConnectionLost((error as Error).message, { cause: error })
      } finally {
        clearTimeout(silent)
      }
    },
    broken: () => lostError !== undefined,
    async close() {
      markLost()
      await farewell(client)
    },
  }
}

/** Ends the session and waits for the server's confirmation, up to a limit. */
async function farewell(client: Client): Promise<void> {
  const silent = setTimeout(() => destroy(client), FAREWELL_TIMEOUT_MS)
  try {
    await client.end()
  } finally {
    clearTimeout(silent)
  }
}

/** Closes the socket: a peer that does not respond would not confirm the end either. */
function destroy(client: Client): void {
  const { connection } = client as Client & { connection?: { stream?: { destroy(): void } } }
  connection?.stream?.destroy()
}
