import { StoreUnavailable } from '../../ports/store.ts'

/** The error of a statement: PostgreSQL's code, and the violated constraint. */
export type StatementError = Error & { readonly code?: string; readonly constraint?: string }

/** The connection broke. The statements that were sent on it may have run, unless `unsent`. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
  readonly unsent: boolean
  constructor(message: string, options: { unsent?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.unsent = options.unsent ?? false
  }
}

/**
 * The meaning of an error for the caller of a statement
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html):
 * - `lost`: the connection is unusable; another server, or the same one later, may run the statement
 * - `again`: a conflict with other transactions; a retry may succeed now
 * - `unavailable`: the database cannot run it now
 * - `fault`: the statement violates a rule of the schema
 */
export type Meaning = 'lost' | 'again' | 'unavailable' | 'fault'

const BY_CODE: Readonly<Record<string, Meaning>> = {
  // Serialization failure, deadlock, lock time-out.
  '40001': 'again',
  '40P01': 'again',
  '55P03': 'again',
  // The server itself does not know the outcome, as distributed databases may report.
  '40003': 'lost',
  // A standby, or a primary that became one: another host may accept writes.
  '25006': 'lost',
  // The prepared statement or the transaction is gone: behind a proxy, or after an idle time-out.
  '26000': 'lost',
  '25P03': 'lost',
}
const BY_CLASS: Readonly<Record<string, Meaning>> = {
  '08': 'lost',
  // The server is stopping, stopped or starting; or a statement timed out.
  '57': 'lost',
  '40': 'again',
  // Disk full, out of memory, too many connections; the system's errors; a configuration limit.
  '53': 'unavailable',
  '54': 'fault',
  '58': 'unavailable',
  XX: 'unavailable',
  F0: 'unavailable',
}

export function meaningOf(error: unknown): Meaning {
  if (error instanceof ConnectionLost) return 'lost'
  const code = codeOf(error)
  if (code === undefined) return 'lost'
  if (code === '57014') return 'unavailable'
  return BY_CODE[code] ?? BY_CLASS[code.slice(0, 2)] ?? 'fault'
}

/** PostgreSQL's code of an error, five characters with a digit; undefined for the system's, such as EPIPE. */
export function codeOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** The error for the port's callers; bugs of MiniPay are passed on unchanged. */
export function storeError(error: unknown): Error {
  if (error instanceof StoreUnavailable) return error
  const meaning = meaningOf(error)
  if (meaning === 'fault') return error as Error
  const message = sentence(error)
  if (meaning === 'lost') return new StoreUnavailable('connection', message)
  return new StoreUnavailable(meaning === 'again' ? 'busy' : 'disk', message)
}

/** The error for callers that wait for a connection when none can be made, for any reason. */
export function unreachableError(error: unknown): StoreUnavailable {
  return error instanceof StoreUnavailable ? error : new StoreUnavailable('connection', sentence(error))
}

/** Why a host could not be used. */
export type Failure = { readonly address: string; readonly error: unknown }

/**
 * One error for several hosts of which none could be used; its message names each. Its meaning is that of the last
 * error that waiting does not fix, or otherwise of the last error.
 */
export function unusableHosts(failures: readonly Failure[]): Error {
  const all = failures
    .map(({ address, error }) => `${address}: ${sentence(error).replace(/\.$/, '')}`)
    .join('; ')
  const message = all === '' ? 'There is no host to connect to.' : `${all}.`
  const lasts = ({ error }: Failure) => meaningOf(error) !== 'lost' || (error as Error).name === 'UnfitServer'
  const decisive = failures.findLast(lasts)?.error ?? failures.at(-1)?.error
  if (decisive === undefined || decisive instanceof ConnectionLost) return new ConnectionLost(message)
  const { name, code } = decisive as StatementError
  return Object.assign(new Error(message, { cause: decisive }), { name, code })
}

/** Several addresses of one host fail as one error that has no message of its own. */
function sentence(error: unknown): string {
  const { message, errors, code } = error as Error & { errors?: Error[]; code?: string }
  return (
    message || errors?.map((each) => each.message).join('; ') || code || 'The database cannot be reached.'
  )
}
