/**
 * The hash chains. Each account and mode has one. A link covers the events, transfers and audit entries that one
 * transaction stored in that scope, and the link before it:
 *
 *     hash = SHA-256(hash before, scope, number, last numbers, time, SHA-256(rows))
 *
 * Rows are written as text that both engines and a copy have in common: ledger accounts by code and currency, never by
 * internal ids. A row's own number follows from its place: a link ends at its last numbers, and its rows have no gap.
 */
import { createHash, hash } from 'node:crypto'
import type { AuditEntry } from '../../domain/audit.ts'

/** The last numbers that a link covers. */
export type Ends = { readonly events: number; readonly transfers: number; readonly audit: number }

export type Link = {
  readonly accountId: number
  readonly live: number
  /** From 1, without gaps. */
  readonly number: number
  readonly ends: Ends
  /** ms since 1970. */
  readonly at: number
  readonly hash: string
}

/** The hash before the first link. */
export const NO_HASH = ''

/** A text with its length in UTF-16 code units, so that no two rows have the same text. */
const part = (text: string | null) => (text === null ? '-' : `${text.length}:${text}`)

/** Ids and types have no space, and the number after them is an integer: so no two rows have the same text. */
export function eventText(id: string, type: string, at: number, data: string): string {
  return `${id} ${type} ${at} ${data.length}:${data}`
}

export type ChainedTransfer = {
  /** The codes of its accounts. */
  readonly debit: string
  readonly credit: string
  readonly currency: string
  readonly amount: number
}

/** The same holds for these: names of accounts have no space. */
export function transferText(
  { debit, credit, currency, amount }: ChainedTransfer,
  transactionId: string,
  at: number,
): string {
  return `${debit} ${credit} ${currency} ${amount} ${transactionId} ${at}\n`
}

export function auditText(entry: Omit<AuditEntry, 'scope'>): string {
  const { id, at, actor, action, object, before, after, address, requestId } = entry
  const texts = [id, actor, action, object, before, after, address, requestId]
  return `${at} ${texts.map(part).join('')}`
}

/** The digest of rows as one text: events, then transfers, then audit entries, each in the order of their numbers. */
export function digestOf(rows: string): string {
  return hash('sha256', rows, 'base64url')
}

/** The same digest, of rows that are added one after another. */
export function createDigest(): { add(text: string): void; digest(): string } {
  const sum = createHash('sha256')
  return { add: (text) => void sum.update(text), digest: () => sum.digest('base64url') }
}

/** `before` is the hash of the link before. */
export function hashOf(
  { accountId, live, number, ends, at }: Omit<Link, 'hash'>,
  before: string,
  digest: string,
): string {
  const { events, transfers, audit } = ends
  return hash(
    'sha256',
    `${before}\n${accountId} ${live} ${number} ${events} ${transfers} ${audit} ${at}\n${digest}`,
    'base64url',
  )
}
