import type { Log as PortLog } from '../ports/log.ts'
import { type LogOutput, standardOutput } from './log-output.ts'

const LEVELS = ['debug', 'info', 'warn', 'error'] as const
type Level = (typeof LEVELS)[number]

export type Log = PortLog & {
  debug(fields: object, message: string): void
  isLevelEnabled(level: Level): boolean
}

/** The fields of an error that say what happened and where. Its other fields may quote stored or sent data. */
const TOLD = ['code', 'errno', 'syscall', 'address', 'port', 'path', 'reason', 'severity', 'schema'] as const
const NAMES = ['table', 'column', 'constraint'] as const
const MAX_CAUSES = 5

type Described = { readonly type: string; readonly message: string; readonly stack: string | undefined }

/** An error for the log, with those that caused it. */
function described(error: unknown, depth = 0): Described | string {
  if (!(error instanceof Error)) return `a ${typeof error}`
  const fields = error as unknown as Record<string, unknown>
  const told = [...TOLD, ...NAMES].filter((name) => ['string', 'number'].includes(typeof fields[name]))
  const { message, stack } = quoteless(error)
  return {
    type: error.name,
    message,
    stack,
    ...Object.fromEntries(told.map((name) => [name, fields[name]])),
    ...(error.cause instanceof Error && depth < MAX_CAUSES && { cause: described(error.cause, depth + 1) }),
  }
}

/** V8 quotes the invalid text, which may be a stored row or a provider's response. */
function quoteless(error: Error): { message: string; stack: string | undefined } {
  const { stack } = error
  // Several addresses of one host fail as one error without a message of its own.
  const errors = error.message === '' && error instanceof AggregateError ? (error.errors as Error[]) : []
  const message = error.message || errors.map((one) => one.message).join('; ')
  if (!(error instanceof SyntaxError) || !/JSON/.test(message)) return { message, stack }
  return {
    message: 'A text is not JSON.',
    stack: stack
      ?.split('\n')
      .filter((line) => /^ {4}at /.test(line))
      .join('\n'),
  }
}

/**
 * A log of JSON lines from this level on, or `silent`; on standard output unless `output` is given. It always cuts fields
 * that could contain a secret, and never gets request bodies and headers. It never throws.
 */
export function createLog(
  least: string,
  output: Pick<LogOutput, 'write'> & Partial<LogOutput> = standardOutput(),
): Log {
  const isLevelEnabled = (level: Level) =>
    least !== 'silent' && LEVELS.indexOf(level) >= LEVELS.indexOf(least as Level)
  const at = (level: Level) => {
    const isWritten = isLevelEnabled(level)
    return (fields: object, msg: string) => {
      if (isWritten) output.write(lineOf(level, fields as Fields, msg))
    }
  }
  const { drain = () => {} } = output
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), isLevelEnabled, drain }
}

type Fields = Record<string, unknown>

let second = Number.NaN
let upToSecond = ''

/** The time in RFC 3339. Its text up to the second is kept, because to make it takes a fifth of the time of a line. */
function timeText(): string {
  const now = Date.now()
  const current = Math.floor(now / 1_000)
  if (current !== second) {
    second = current
    upToSecond = new Date(now).toISOString().slice(0, -'000Z'.length)
  }
  return `${upToSecond}${String(now - current * 1_000).padStart(3, '0')}Z`
}

function lineOf(level: Level, fields: Fields, msg: string): string {
  const clean = loggable(fields)
  try {
    // The fields are not copied: that takes as long as the rest of a line.
    const text = JSON.stringify(clean)
    const more = text === '{}' ? '' : `${text.slice(1, -1)},`
    return `{"level":"${level}","time":"${timeText()}",${more}"msg":${JSON.stringify(msg)}}\n`
  } catch {
    const line = { level, time: timeText(), ...clean, msg }
    // Of a circle or a bigint, only the field's kind can be written.
    const plain = Object.entries(line).map(([name, value]) => [
      name,
      typeof value === 'object' ? 'an object' : typeof value === 'bigint' ? 'a bigint' : value,
    ])
    return `${JSON.stringify(Object.fromEntries(plain))}\n`
  }
}

/** Fields without secrets, with their errors described. */
function loggable(fields: Fields): Fields {
  let clean = fields
  for (const name in fields) {
    const value = fields[name]
    const isError = name === 'err' || value instanceof Error
    const kept = isSecret(name) ? CUT : isError ? described(value) : withoutOwnSecrets(value)
    if (kept === value) continue
    if (clean === fields) clean = { ...fields }
    clean[name] = kept
  }
  return clean
}

function withoutOwnSecrets(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.keys(value).some(isSecret)
    ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, isSecret(name) ? CUT : part]))
    : value
}

const CUT = '[cut]'

function isSecret(name: string): boolean {
  return name === 'secret' || name === 'authorization'
}
