import { isTwin } from '../../domain/id.ts'
import type { Transfer } from '../../domain/ledger.ts'
import { countedCharge, type DecidedCharge } from '../../domain/statistics.ts'
import type { CommitResult } from '../../ports/store.ts'
import { transferText } from '../chain/link.ts'
import { ATTEMPTS, CHARGES, DISPUTES, type FoundKey, KEYS, REFUNDS, recordOf } from '../columns.ts'
import { type Referring, refusalOf } from '../guards.ts'
import { type CommitMessage, transfersIn } from './commit-message.ts'
import type { Connection } from './connection.ts'
import type { LedgerCache } from './ledger-cache.ts'
import { type Apart, withoutDetails } from './long-texts.ts'
import { packedFingerprint } from './packed-texts.ts'
import { insertRow, putRow, updateRow } from './row-statements.ts'
import { FIND_KEY, type Row } from './rows.ts'
import type { Behind } from './tails.ts'
import { alarmWrites } from './write-alarms.ts'
import { storedAttempts } from './write-attempts.ts'
import { appendAudit } from './write-audit.ts'
import { eventWrites } from './write-events.ts'
import { counterWrites } from './write-limits.ts'
import { type TextWrites, textWrites } from './write-texts.ts'

/** Commits, as the port describes them. Writes nothing before the guards have passed. */
export function commitWrite(db: Connection, cache: LedgerCache, behind: Behind) {
  const tries = storedAttempts(db, cache, behind)
  const putAlarm = alarmWrites(db, cache)
  const keys = keyRecords(db, behind)
  const texts = textWrites(db)
  const charges = chargeWrites(db, texts, behind)
  const book = transferWrites(db, cache)
  const tell = eventWrites(db, cache, texts)
  const counters = counterWrites(db)
  const append = appendAudit(db, cache)

  /** A charge's long details. Those of a new charge are stored now, unless its key exists: then nothing is stored. */
  function detailsOf({
    accountId,
    live,
    charge,
    details: text,
    key,
  }: CommitMessage): Apart | FoundKey | undefined {
    if (text === undefined) return undefined
    const { at } = CHARGES
    if (charge[at.version] !== 1) return texts.ofCharge(accountId, live, charge[at.id] as string, text)
    return (key && keys.find(accountId, live, key)) ?? texts.put(text)
  }

  /** Null if it was committed, which is the cheapest message to the other thread; otherwise the refusal. */
  return function applyCommit(message: CommitMessage): CommitResult | null {
    const { accountId: account, live, at, charge, refund, dispute, key, event, lease, limits } = message
    const { attempts = NONE, alarms = NONE, ended = NONE, counts = NONE } = message
    const transfers = transfersIn(message)
    const id = charge[CHARGES.at.id] as string
    const version = charge[CHARGES.at.version] as number

    const numbers = cache.numbers(account, live)
    const sequence = event ? numbers.event + 1 : 0
    let details: Apart | undefined
    const refusal = refusalOf(
      { at, version, lease: lease ?? null, transfers, attempts: attempts.map(referring), limits },
      {
        version: () => charges.version(account, live, id),
        token: tries.token,
        balance: (code, currency) => cache.balance(account, live, code, currency),
        holder: tries.holder,
        counter: (counter) => counters.find(account, live, counter),
        record() {
          const found = detailsOf(message)
          if (found && 'key' in found) return recordOf(found)
          details = found
          if (!key || keys.insert(account, live, key, sequence, at, details)) return undefined
          return recordOf(keys.find(account, live, key) as FoundKey)
        },
      },
    )
    if (refusal) return refusal

    for (const each of ended) keys.end(account, live, each, sequence, details)
    const isFirst = event !== undefined && isTwin(event[0], id)
    const firsts = isFirst ? firstsOf(message, sequence, numbers.transfer + 1) : undefined
    if (version === 1) charges.insert(account, live, charge, details, firsts)
    else charges.update(account, live, charge, firsts)
    if (refund) charges.putRefund(account, live, refund, message.refundDetails)
    if (dispute) charges.putDispute(account, live, dispute)
    for (const attempt of attempts) tries.put(account, live, attempt, message.capture === true, version === 1)
    if (version === 1 && attempts.length === 0) countDecided(cache, account, live, charge)
    for (const alarm of alarms) putAlarm(account, live, alarm)
    if (limits) for (const use of limits) counters.add(account, live, use, at)
    book(account, live, transfers, message.transactionId ?? id, at, firsts?.transfer)
    if (event) {
      tell(account, live, event, at, details)
    }
    for (let i = 0; i < counts.length; i += 3)
      cache.count(account, live, counts[i] as string, counts[i + 1] as string, counts[i + 2] as number)
    if (message.audit) append(message.audit)
    return null
  }
}

const NONE: readonly never[] = []

/** The numbers of the first event and the first transfer, which the row of their charge has. */
type Firsts = { readonly event: number; readonly transfer: number | null }

function firstsOf({ transactionId, transfers }: CommitMessage, event: number, transfer: number): Firsts {
  return { event, transfer: transactionId === undefined && transfers ? transfer : null }
}

/** A charge that was decided at once, without an attempt. */
function countDecided(cache: LedgerCache, account: number, live: number, charge: Row): void {
  const { at } = CHARGES
  const facts = {
    amount: charge[at.amount],
    currency: charge[at.currency],
    capture: charge[at.capture] === 1,
    provider: charge[at.provider],
    status: charge[at.status],
    declineCode: charge[at.declineCode],
    createdAt: charge[at.createdAt],
  }
  cache.move(account, live, null, countedCharge(facts as DecidedCharge))
}

function referring(attempt: Row): Referring {
  const { id, provider, kind, providerReference } = ATTEMPTS.at
  return {
    id: attempt[id],
    provider: attempt[provider],
    kind: attempt[kind],
    providerReference: attempt[providerReference],
  } as Referring
}

/** The records of idempotency keys: new ones, their ends, and those that exist. */
export function keyRecords(db: Connection, { keys: index }: Behind) {
  const { fingerprint } = KEYS.at
  const more = ['event_seq', 'details_id']
  const insertKey = db.prepare(insertRow(KEYS, [...more, 'created_at']))
  const updateKey = db.prepare(`${updateRow(KEYS, more)} AND seq = ?`)
  const findKey = db.prepare<[number, number, number, string], FoundKey>(FIND_KEY)
  const seqOf = (account: number, live: number, key: string) =>
    index.find(index.hash(account, live, key), account, live, key)
  /** The row with its facts as the record stores them, and the number of the details that they refer to. */
  const shortened = (row: Row, details: Apart | undefined): [own: Row, detailsId: number | null] => {
    const facts = row[KEYS.at.facts] as string | null
    if (!details || facts === null) return [row, null]
    const own = withoutDetails(facts, details)
    return [row.with(KEYS.at.facts, own), own === facts ? null : details.id]
  }

  return {
    /** False if the key exists. `sequence` is 0 without an event. */
    insert(
      account: number,
      live: number,
      key: Row,
      sequence: number,
      at: number,
      details: Apart | undefined,
    ) {
      const text = key[KEYS.at.key] as string
      const hash = index.hash(account, live, text)
      if (index.find(hash, account, live, text) !== undefined) return false
      const [own, detailsId] = shortened(key, details)
      const packed = own.with(fingerprint, packedFingerprint(own[fingerprint] as string))
      const { lastInsertRowid } = insertKey.run(account, live, ...packed, sequence, detailsId, at)
      index.add(hash, lastInsertRowid as number)
      return true
    },

    /** Changes nothing if the key was purged in the meantime. */
    end(account: number, live: number, ended: Row, sequence: number, details: Apart | undefined): void {
      const text = ended[KEYS.at.key] as string
      const seq = seqOf(account, live, text)
      if (seq === undefined) return
      const [own, detailsId] = shortened(ended, details)
      updateKey.run(...KEYS.changesOf(own), sequence, detailsId, account, live, text, seq)
    },

    find(account: number, live: number, key: Row): FoundKey | undefined {
      const text = key[KEYS.at.key] as string
      const seq = seqOf(account, live, text)
      return seq === undefined ? undefined : findKey.get(seq, account, live, text)
    },
  }
}

function chargeWrites(db: Connection, texts: TextWrites, { customers }: Behind) {
  const findVersion = db
    .prepare<[number, number, string], number>(
      `SELECT version FROM charges WHERE account_id = ? AND live = ? AND id = ?`,
    )
    .pluck()
  const firsts = ['first_event', 'first_transfer']
  const insertCharge = db.prepare(insertRow(CHARGES, ['details_id', ...firsts]))
  const updateCharge = db.prepare(updateRow(CHARGES))
  const updateFirst = db.prepare(updateRow(CHARGES, firsts))
  const putRefund = db.prepare(putRow(REFUNDS, ['details_id']))
  const putDispute = db.prepare(putRow(DISPUTES))

  return {
    version: (account: number, live: number, id: string) => findVersion.get(account, live, id),
    insert(
      account: number,
      live: number,
      charge: Row,
      details: Apart | undefined,
      first: Firsts | undefined,
    ): void {
      const firsts = [first?.event ?? null, first?.transfer ?? null]
      insertCharge.run(account, live, ...charge, details?.id ?? null, ...firsts)
      customers.add(account, live, charge[CHARGES.at.customer] as string, charge[CHARGES.at.id] as string)
    },
    update(account: number, live: number, charge: Row, first: Firsts | undefined): void {
      const [changes, id] = [CHARGES.changesOf(charge), charge[CHARGES.at.id]]
      if (first) updateFirst.run(...changes, first.event, first.transfer, account, live, id)
      else updateCharge.run(...changes, account, live, id)
    },
    putRefund(account: number, live: number, refund: Row, details: string | undefined) {
      const detailsId =
        details === undefined ? null : texts.ofRefund(account, live, refund[REFUNDS.at.id] as string, details)
      putRefund.run(account, live, ...refund, detailsId)
    },
    putDispute: (account: number, live: number, dispute: Row) => putDispute.run(account, live, ...dispute),
  }
}

function transferWrites(db: Connection, cache: LedgerCache) {
  const insertTransfer = db.prepare(
    `INSERT INTO ledger_transfers
       (account_id, live, seq, debit_account_id, credit_account_id, transaction_id, amount, created_at, is_first)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )

  return (
    account: number,
    live: number,
    transfers: readonly Transfer[],
    transaction: string,
    at: number,
    first: number | null | undefined,
  ): void => {
    const numbers = cache.numbers(account, live)
    for (const transfer of transfers) {
      const { currency, amount } = transfer
      const debit = cache.account(account, live, transfer.debit, currency)
      const credit = cache.account(account, live, transfer.credit, currency)
      const number = ++numbers.transfer
      const isFirst = number === first ? 1 : null
      insertTransfer.run(account, live, number, debit.id, credit.id, transaction, amount, at, isFirst)
      cache.chain.add(account, live, 'transfers', transferText(transfer, transaction, at), at)
      cache.post(debit, amount)
      cache.post(credit, -amount)
    }
  }
}
