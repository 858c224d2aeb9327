/** Removes stored data from a server's error: logs keep errors, and a row contains customers and tokens. */

/**
 * An error as the driver reads it off the wire. Its detail, hint, context and internal query quote rows, keys and
 * parameters (https://www.postgresql.org/docs/current/protocol-error-fields.html).
 */
export type WireError = Error & { code?: string; constraint?: string; table?: string; column?: string }

/** Fields with names of objects, never with their data. */
const KEPT = ['code', 'severity', 'schema', 'table', 'column', 'dataType', 'constraint', 'routine'] as const

/**
 * Classes whose messages are about connections, privileges, locks, names and files, and quote no values
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const PLAIN = [
  '08',
  '0A',
  '25',
  '26',
  '28',
  '34',
  '3D',
  '3F',
  '40',
  '42',
  '53',
  '54',
  '55',
  '57',
  '58',
  'F0',
  'XX',
]

/** Our own messages for the other classes that occur. */
const WORDS: Readonly<Record<string, string>> = {
  '22001': 'A text is too long',
  '22003': 'A number is out of range',
  '22021': 'A text has characters that the encoding has not',
  '22P02': 'A value has not the form of its type',
  '23502': 'A value is missing',
  '23503': 'A row refers to one that is not there',
  '23505': 'A key is there already',
  '23514': 'A row breaks a check',
  '23P01': 'A row excludes another',
  P0001: 'A trigger or function refused it',
}

/** Removes from an error, in place, all parts that may quote stored data; its stack begins with the new message. */
export function scrub(error: WireError): void {
  const fields = error as unknown as Record<string, unknown>
  const message = plainMessage(error, fields)
  for (const name of Object.keys(fields)) if (!(KEPT as readonly string[]).includes(name)) delete fields[name]
  error.message = message
  Error.captureStackTrace(error)
}

function plainMessage(error: WireError, fields: Record<string, unknown>): string {
  const { code = '', message } = error
  // A trigger may choose any code for its own message.
  const own = fields['routine'] === 'exec_stmt_raise' || /\bpl_exec\b/.test(String(fields['file']))
  if (PLAIN.includes(code.slice(0, 2)) && !own) return message
  const { constraint, table, column } = error
  const places = [
    constraint !== undefined && `constraint ${constraint}`,
    table !== undefined && `table ${table}`,
    column !== undefined && `column ${column}`,
  ].filter((place) => place !== false)
  const where = places.length > 0 ? `: ${places.join(', ')}` : ''
  return `${WORDS[code] ?? 'PostgreSQL refused a statement'}${where} (SQLSTATE ${code}).`
}
