/**
 * The heads of all chains as one text, to be kept in another place: `mph1_`, then `ACCOUNT` `t` or `l`, the number of
 * the last link and its hash for each account and mode, then a checksum; all separated by dots.
 */
import { hash } from 'node:crypto'

export type Head = {
  readonly accountId: number
  readonly live: number
  readonly number: number
  readonly hash: string
}

const PREFIX = 'mph1_'
const CHECKSUM_CHARS = 6
const ENTRY = /^(\d{1,10})([tl])(\d{1,16})$/
const HASH = /^[\w-]{43}$/
const IN_TEXT = /mph1_[\w.-]+/g

/** Undefined without any chain. */
export function headText(heads: readonly Head[]): string | undefined {
  if (heads.length === 0) return undefined
  const entries = heads.map(
    (head) => `${head.accountId}${head.live === 1 ? 'l' : 't'}${head.number}.${head.hash}`,
  )
  const text = `${PREFIX}${entries.join('.')}`
  return `${text}.${checksumOf(text)}`
}

/** The last head in a text, such as the output of an earlier check. Throws a sentence if there is none, or a damaged one. */
export function readHead(text: string): Head[] {
  const found = text.match(IN_TEXT)?.at(-1)
  if (found === undefined) throw new Error('There is no head: it begins with mph1_.')
  const end = found.lastIndexOf('.')
  const parts = found.slice(PREFIX.length, end).split('.')
  const heads = parts.flatMap((part, i) => (i % 2 === 0 ? [entryOf(part, parts[i + 1])] : []))
  if (end < 0 || found.slice(end + 1) !== checksumOf(found.slice(0, end)) || heads.includes(undefined))
    throw new Error(
      'The head is incomplete, or a character was changed. Copy the whole text that begins with mph1_.',
    )
  return heads as Head[]
}

function entryOf(name: string, of: string | undefined): Head | undefined {
  const [, accountId, mode, number] = ENTRY.exec(name) ?? []
  if (of === undefined || !HASH.test(of) || number === undefined) return undefined
  return { accountId: Number(accountId), live: mode === 'l' ? 1 : 0, number: Number(number), hash: of }
}

function checksumOf(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, CHECKSUM_CHARS)
}
