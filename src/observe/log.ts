import { type Logger, pino } from 'pino'
import { type LogOutput, standardOutput } from './log-output.ts'

export type Log = Logger

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
 * A log of JSON lines, on standard output unless `output` is given. It always cuts fields that could contain a
 * secret, and never gets request bodies and headers.
 */
export function createLog(level: string, output: Pick<LogOutput, 'write'> = standardOutput()): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: withoutSecrets },
      serializers: { err: described },
    },
    output,
  )
}

type Fields = Record<string, unknown>

/** The library's own redaction takes as long as the rest of a line. */
function withoutSecrets(fields: Fields): Fields {
  let clean = fields
  for (const name in fields) {
    const value = fields[name]
    const kept = isSecret(name) ? CUT : value instanceof Error ? value : withoutOwnSecrets(value)
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
