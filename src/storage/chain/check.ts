/** Recomputes every hash chain from the stored rows: the part of `verify` that both engines share. */
import type { AuditAction } from '../../domain/audit.ts'
import { jsonOf, type Row } from '../verify/aggregate.ts'
import { type Head, headText } from './head.ts'
import {
  auditText,
  createDigest,
  type Ends,
  eventText,
  hashOf,
  type Link,
  NO_HASH,
  transferText,
} from './link.ts'
import { type Purged, purgedOf, restDigest } from './purged.ts'

const RANGE = 'account_id, live, seq'

/** Rows in the order of their scopes and numbers. */
export const CHAINED = {
  links: () => 'SELECT * FROM chain_links ORDER BY account_id, live, number',
  chainedEvents: () =>
    `SELECT account_id, live, seq, id, type, created_at, data FROM events ORDER BY ${RANGE}`,
  chainedTransfers: () => `SELECT t.account_id, t.live, t.seq, t.transaction_id, t.amount, t.created_at,
      d.code AS debit, c.code AS credit, d.currency
    FROM ledger_transfers t
    LEFT JOIN ledger_accounts d ON d.id = t.debit_account_id
    LEFT JOIN ledger_accounts c ON c.id = t.credit_account_id
    ORDER BY t.account_id, t.live, t.seq`,
  chainedAudit: () => `SELECT * FROM audit_log ORDER BY ${RANGE}`,
  seal: () => 'SELECT sealed_at FROM chain_seal',
  purges: () => 'SELECT * FROM event_purges ORDER BY account_id, live',
  purgeEntries: () =>
    `SELECT account_id, live, after FROM audit_log WHERE action = 'events.purged' ORDER BY ${RANGE}`,
} as const
export type Chained = keyof typeof CHAINED

type Kind = keyof Ends
const KINDS = [
  { kind: 'events', one: 'event', source: 'chainedEvents', text: eventOf },
  { kind: 'transfers', one: 'transfer', source: 'chainedTransfers', text: transferOf },
  { kind: 'audit', one: 'audit entry', source: 'chainedAudit', text: entryOf },
] as const satisfies readonly { kind: Kind; one: string; source: Chained; text: (row: Row) => string }[]

export type ChainResult = {
  /** The first break, as a sentence. */
  readonly problem?: string
  /** The last links, as one text; undefined without any. */
  readonly head?: string
}

type Reading<T> = Generator<Chained, T, readonly Row[]>

/**
 * Checks that each scope's links have no gap, match their rows, and cover all rows. With a head that was kept, also
 * checks that the chains still contain it. Yields the name of a source, and receives its next rows; an empty batch ends
 * the source. Holds only a few rows in memory.
 */
export function* checkChains(since: readonly Head[] = []): Reading<ChainResult> {
  const [seal] = yield 'seal'
  const trails = yield* readTrails()
  const tapes = {
    links: new Tape('links'),
    ...{
      events: new Tape('chainedEvents'),
      transfers: new Tape('chainedTransfers'),
      audit: new Tape('chainedAudit'),
    },
  }
  const heads: Head[] = []
  let last: Link | undefined
  for (;;) {
    const row = yield* tapes.links.next()
    const link = row && linkOf(row)
    const former: Link | undefined = last && link && isSameScope(last, link) ? last : undefined
    if (last && !former) {
      heads.push(last)
      const lost = endProblem(last, since)
      if (lost !== undefined) return { problem: lost }
    }
    const uncovered = yield* uncoveredRow(tapes, link, former !== undefined)
    if (uncovered !== undefined) return { problem: seal?.['sealed_at'] == null ? UNSEALED : uncovered }
    if (!link) break
    const trail = trails.get(nameOf(link))
    const problem =
      trail && link.number <= trail.purged.linksTo
        ? yield* purgedProblem(tapes, link, former, trail)
        : yield* linkProblem(tapes, link, former)
    const other = problem ?? headProblem(link, since)
    if (other !== undefined) return { problem: other }
    last = link
  }
  for (const [name, { seen, purged }] of trails)
    if (seen < purged.linksTo)
      return {
        problem: `The chain of ${name} ends before link ${purged.linksTo}, up to which events were deleted.`,
      }
  const unknown = since.find((one) => !heads.some((head) => isSameScope(head, one)))
  if (unknown)
    return {
      problem: `The chain of ${nameOf(unknown)} has no link any more, and the head has link ${unknown.number}.`,
    }
  const head = headText(heads)
  return head === undefined ? {} : { head }
}

const UNSEALED =
  'Rows from before the hash chains have no link yet. Run minipay migrate, or start minipay serve, and check again.'

type Tapes = { readonly links: Tape } & { readonly [K in Kind]: Tape }

/** A row before the scope of the next link: all links of its own scope have been read. */
function* uncoveredRow(tapes: Tapes, next: Link | undefined, goesOn: boolean): Reading<string | undefined> {
  if (goesOn) return undefined
  for (const { kind, one } of KINDS) {
    const row = yield* tapes[kind].peek()
    if (row && (!next || isBefore(row, next)))
      return `The ${one} ${row['seq']} of ${nameOf(scopeOf(row))} is in no link.`
  }
  return undefined
}

function missingProblem(link: Link, former: Link | undefined): string | undefined {
  const wanted = (former?.number ?? 0) + 1
  return link.number === wanted
    ? undefined
    : `Link ${wanted} of ${nameOf(link)} is missing: link ${link.number} follows.`
}

function* linkProblem(tapes: Tapes, link: Link, former: Link | undefined): Reading<string | undefined> {
  const { number, ends } = link
  const name = `Link ${number} of ${nameOf(link)}`
  const missing = missingProblem(link, former)
  if (missing !== undefined) return missing
  const digest = createDigest()
  const covered: string[] = []
  let absent: string | undefined
  for (const { kind, one, text } of KINDS) {
    const after = former?.ends[kind] ?? 0
    const rows = yield* takeRows(tapes[kind], link, ends[kind], (row) => digest.add(text(row)))
    const before = ends[kind] - rows.count
    const ending = `${name} ends with the ${one} ${ends[kind]}, but`
    if (rows.gapAfter !== undefined || (rows.count > 0 && rows.last !== ends[kind]))
      return `${ending} after the ${one} ${rows.gapAfter ?? rows.last} one is missing.`
    // A new epoch moves the last number of events without a row: if so, the hash is of no event.
    if (rows.count === 0 && ends[kind] !== after) absent ??= `${ending} no ${one} after ${after} is there.`
    if (rows.count > 0) covered.push(`${one} ${before + 1}${rows.count > 1 ? ` to ${ends[kind]}` : ''}`)
  }
  if (hashOf(link, former?.hash ?? NO_HASH, digest.digest()) === link.hash) return undefined
  if (absent !== undefined) return absent
  const suspects = [...covered, 'link itself'].map((one) => `the ${one}`)
  return `${name} does not match its rows: ${suspects.join(', ')} or the link before it was changed.`
}

/** The purge of a scope: see chain/purged. The check follows its digest from link to link. */
type Trail = {
  readonly purged: Purged
  /** The digests in audit entries, by the last link that they cover. */
  readonly logged: ReadonlyMap<number, unknown>
  seen: number
  digest: string
}

/** By the name of the scope. */
function* readTrails(): Reading<Map<string, Trail>> {
  const logged = new Map<string, Map<number, unknown>>()
  for (let rows = yield 'purgeEntries'; rows.length > 0; rows = yield 'purgeEntries')
    for (const row of rows) {
      const name = nameOf(scopeOf(row))
      const { last_link, digest } = jsonOf(String(row['after'])) ?? {}
      logged.set(name, (logged.get(name) ?? new Map<number, unknown>()).set(Number(last_link), digest))
    }
  const trails = new Map<string, Trail>()
  for (let rows = yield 'purges'; rows.length > 0; rows = yield 'purges')
    for (const row of rows) {
      const name = nameOf(scopeOf(row))
      trails.set(name, { purged: purgedOf(row), logged: logged.get(name) ?? new Map(), seen: 0, digest: '' })
    }
  return trails
}

/** A link whose events were deleted: its transfers and audit entries must be those of that time. */
function* purgedProblem(
  tapes: Tapes,
  link: Link,
  former: Link | undefined,
  trail: Trail,
): Reading<string | undefined> {
  const missing = missingProblem(link, former)
  if (missing !== undefined) return missing
  const { number, ends } = link
  const { purged, logged } = trail
  const kept = yield* tapes.events.peek()
  if (kept && isSameScope(scopeOf(kept), link) && Number(kept['seq']) <= purged.eventsTo)
    return `The event ${kept['seq']} of ${nameOf(link)} is there, and MiniPay deleted the events up to ${purged.eventsTo}.`
  const rest = createDigest()
  for (const { kind, text } of KINDS)
    if (kind !== 'events') yield* takeRows(tapes[kind], link, ends[kind], (row) => rest.add(text(row)))
  trail.seen = number
  trail.digest = restDigest(trail.digest, link, rest.digest())
  const isLast = number === purged.linksTo
  const wanted = logged.has(number) || (isLast && purged.logged) ? logged.get(number) : trail.digest
  if (trail.digest === wanted && (!isLast || trail.digest === purged.digest)) return undefined
  return `The links of ${nameOf(link)} up to ${number} do not match the digest of when MiniPay deleted their events: a link, a transfer or an audit entry was changed.`
}

/** Takes the rows of a link's scope up to a number. */
function* takeRows(
  tape: Tape,
  link: Link,
  end: number,
  take: (row: Row) => void,
): Reading<{ readonly count: number; readonly last: number; readonly gapAfter?: number }> {
  let [count, last] = [0, 0]
  for (;;) {
    const row = yield* tape.peek()
    const number = Number(row?.['seq'])
    if (!row || !isSameScope(scopeOf(row), link) || number > end) return { count, last }
    if (count > 0 && number !== last + 1) return { count, last, gapAfter: last }
    take(row)
    tape.drop()
    count++
    last = number
  }
}

/** The link of a head that was kept is another one now. */
function headProblem(link: Link, since: readonly Head[]): string | undefined {
  const kept = since.find((head) => isSameScope(head, link) && head.number === link.number)
  if (!kept || kept.hash === link.hash) return undefined
  return `Link ${link.number} of ${nameOf(link)} is not the one of the head: somebody rewrote rows and links after the head was kept.`
}

function endProblem(last: Link, since: readonly Head[]): string | undefined {
  const kept = since.find((head) => isSameScope(head, last))
  if (!kept || kept.number <= last.number) return undefined
  return `The chain of ${nameOf(last)} ends with link ${last.number}, before link ${kept.number} of the head: its last rows were removed, or this is an older backup.`
}

type Scoped = { readonly accountId: number; readonly live: number }

const isSameScope = (a: Scoped, b: Scoped) => a.accountId === b.accountId && a.live === b.live
const scopeOf = (row: Row): Scoped => ({ accountId: Number(row['account_id']), live: Number(row['live']) })
const nameOf = ({ accountId, live }: Scoped) => `account ${accountId} (${live === 1 ? 'live' : 'test'})`

function isBefore(row: Row, link: Scoped): boolean {
  const { accountId, live } = scopeOf(row)
  return accountId < link.accountId || (accountId === link.accountId && live < link.live)
}

export function linkOf(row: Row): Link {
  const { number, events_to, transfers_to, audit_to, hash, at } = row
  const ends = { events: Number(events_to), transfers: Number(transfers_to), audit: Number(audit_to) }
  return { ...scopeOf(row), number: Number(number), ends, hash: String(hash), at: Number(at) }
}

const textIn = (row: Row, column: string) => (row[column] ?? null) as string | null

export function eventOf(row: Row): string {
  return eventText(String(row['id']), String(row['type']), Number(row['created_at']), String(row['data']))
}

export function transferOf(row: Row): string {
  const { debit, credit, currency, amount, transaction_id, created_at } = row
  const transfer = {
    debit: String(debit),
    credit: String(credit),
    currency: String(currency),
    amount: Number(amount),
  }
  return transferText(transfer, String(transaction_id), Number(created_at))
}

export function entryOf(row: Row): string {
  return auditText({
    id: String(row['id']),
    at: Number(row['created_at']),
    actor: String(row['actor']),
    action: String(row['action']) as AuditAction,
    object: textIn(row, 'object'),
    before: textIn(row, 'before'),
    after: textIn(row, 'after'),
    address: textIn(row, 'address'),
    requestId: textIn(row, 'request_id'),
  })
}

/** The rows of one source, of which the next few are in memory. */
class Tape {
  readonly #source: Chained
  #rows: readonly Row[] = []
  #at = 0
  #ended = false

  constructor(source: Chained) {
    this.#source = source
  }

  *peek(): Reading<Row | undefined> {
    if (this.#at === this.#rows.length && !this.#ended) {
      this.#rows = yield this.#source
      this.#at = 0
      this.#ended = this.#rows.length === 0
    }
    return this.#rows[this.#at]
  }

  drop(): void {
    this.#at++
  }

  *next(): Reading<Row | undefined> {
    const row = yield* this.peek()
    if (row) this.drop()
    return row
  }
}
