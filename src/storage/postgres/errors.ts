import { StoreUnavailable } from '../../ports/store.ts'

/** What a statement failed with: PostgreSQL's code, and the constraint that was broken. */
export type StatementError = Error & { readonly code?: string; readonly constraint?: string }

/** The connection broke. What was sent on it may have been done, unless `unsent`. */
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
 * - `lost`: the connection is of no use any more: another server, or the same one later, may do it
 * - `again`: others were in the way; the same statements may pass now
 * - `unavailable`: the database can't do it now
 * - `fault`: the statement broke a rule of the schema
 */
export type Meaning = 'lost' | 'again' | 'unavailable' | 'fault'

const BY_CODE: Readonly<Record<string, Meaning>> = {
  // Serialization failure, deadlock, a lock that was not to be had in time.
  '40001': 'again',
  '40P01': 'again',
  '55P03': 'again',
  // The server itself does not know whether it was done, as distributed databases may say.
  '40003': 'lost',
  // A standby, or a primary that became one: another host may take writes.
  '25006': 'lost',
  // What was prepared, or the transaction itself, is gone: behind a proxy, or after it was idle for too long.
  '26000': 'lost',
  '25P03': 'lost',
}
const BY_CLASS: Readonly<Record<string, Meaning>> = {
  '08': 'lost',
  // The server is stopped, was stopped, or is starting; a statement took too long.
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

/** The error for the port's callers; faults of ours stay what they are. */
export function unavailable(error: unknown): Error {
  if (error instanceof StoreUnavailable) return error
  const meaning = meaningOf(error)
  if (meaning === 'fault') return error as Error
  const message = sentence(error)
  if (meaning === 'lost') return new StoreUnavailable('connection', message)
  return new StoreUnavailable(meaning === 'again' ? 'busy' : 'disk', message)
}

/** The error for callers that wait for a connection which cannot be made, for any reason. */
export function unreachable(error: unknown): StoreUnavailable {
  return error instanceof StoreUnavailable ? error : new StoreUnavailable('connection', sentence(error))
}

/** Why a host could not be used. */
export type Failure = { readonly address: string; readonly error: unknown }

/**
 * One error for hosts of which none could be used, with each of them in its message. It means what the last one means
 * that waiting does not mend, else what the last one means.
 */
export function unusable(failures: readonly Failure[]): Error {
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

/** Several addresses of one host fail as one error without a message of its own. */
function sentence(error: unknown): string {
  const { message, errors, code } = error as Error & { errors?: Error[]; code?: string }
  return (
    message || errors?.map((each) => each.message).join('; ') || code || 'The database cannot be reached.'
  )
}
