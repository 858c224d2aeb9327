/** `minipay audit`: the audit log, newest first. */
import { ConfigError } from '../config.ts'
import type { Administration, AuditChoice, AuditRow } from './administration.ts'
import { scopeChoice } from './keys.ts'
import { pastMoment } from './moment.ts'

/** The flags of the command that are no settings. */
export const AUDIT_FLAGS = ['mode', 'account', 'limit'] as const
const TEXTS = ['actor', 'action', 'object'] as const
const TIMES = ['created_gte', 'created_lt'] as const
/** The words that the command takes, as its help writes them. */
export const AUDIT_WORDS =
  '[actor=… | action=key.rolled | object=… | created_gte=7d | created_lt=2027-01-31] …'
const DEFAULT_LIMIT = 50

/** The words and flags of a command line as a task. Throws a `ConfigError` with the usage, or about the wrong value. */
export function auditTask(
  words: readonly string[],
  flags: Readonly<Partial<Record<string, string>>>,
  now: number,
): (administration: Administration) => Promise<number> {
  const { limit = String(DEFAULT_LIMIT) } = flags
  if (!/^([1-9]\d?|100)$/.test(limit)) throw new ConfigError('--limit must be a whole number from 1 to 100.')
  const choice: AuditChoice = {
    ...scopeChoice(flags),
    ...Object.fromEntries(words.map((word) => filter(word, now))),
  }
  return async (administration) => {
    const { entries, more } = await administration.audit(choice, Number(limit))
    for (const entry of entries) console.log(line(entry))
    if (entries.length === 0) console.error('The audit log has no such entry.')
    if (more)
      console.error(
        `\nThese are the newest ${entries.length}. For older ones: created_lt=${entries.at(-1)?.created_at}`,
      )
    return 0
  }
}

function filter(word: string, now: number): readonly [string, string] {
  const at = word.indexOf('=')
  const [name, value] = [word.slice(0, at), word.slice(at + 1)]
  const isTime = TIMES.some((time) => time === name)
  if (at < 1 || value === '' || !(isTime || TEXTS.some((text) => text === name)))
    throw new ConfigError(
      `"${word}" is no filter. Give ${[...TEXTS, ...TIMES].map((text) => `${text}=…`).join(', ')}.`,
    )
  return [name, isTime ? pastMoment(name, value, now) : value]
}

/** When, who, what, and what changed. */
function line({ created_at, actor, action, object, before, after, address }: AuditRow): string {
  const from = address === null ? '' : ` from ${address}`
  return `${created_at}  ${actor}${from}  ${action}${object === null ? '' : ` ${object}`}${changes(before, after)}`
}

/** The fields that differ. */
function changes(before: unknown, after: unknown): string {
  const [old, now] = [before, after].map((facts) => (facts ?? {}) as Record<string, unknown>) as [
    Record<string, unknown>,
    Record<string, unknown>,
  ]
  const text = (value: unknown) => JSON.stringify(value ?? null)
  const parts = [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((field) => text(old[field]) !== text(now[field]))
    .map((field) => `${field}: ${before === null ? '' : `${text(old[field])} -> `}${text(now[field])}`)
  return parts.length === 0 ? '' : `  ${parts.join(', ')}`
}
