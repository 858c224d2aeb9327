/** Fills a database with history faster than HTTP could, with consistent books: `minipay verify` passes. */
import { closeSync, fsyncSync, openSync } from 'node:fs'
import { encodeTime } from '../src/domain/id.ts'
import { COUNT_CALLS } from '../src/storage/hourly.ts'
import type { Connection } from '../src/storage/sqlite/connection.ts'
import { foldLongLog } from '../src/storage/sqlite/fold-customers.ts'
import { foldLongTail } from '../src/storage/sqlite/fold-keys.ts'
import { FOLD_AT } from '../src/storage/sqlite/folding.ts'
import { migrate } from '../src/storage/sqlite/migrate.ts'
import { openWriter } from '../src/storage/sqlite/open.ts'
import { sealRows } from '../src/storage/sqlite/seal.ts'

/**
 * The state of the charges. `finished`: succeeded, at the sandbox. `undelivered`: also succeeded, but each event waits
 * for delivery to the endpoint of WEBHOOK_TARGET: its cursor is before the first one. `unknown`: still processing, and each attempt
 * waits for a lookup, due since it was made.
 */
export type Story = 'finished' | 'undelivered' | 'unknown'

export type History = {
  /** Charges of 25.00 usd, on average a hundred per second up to now. A multiple of 1,000. */
  readonly charges: number
  readonly story: Story
  /** The provider of the charges; the sandbox unless given. */
  readonly provider?: string
  /** Consecutive charges of one customer; a hundred unless given. */
  readonly perCustomer?: number
  /**
   * Random keys, and random customers of CUSTOMERS, as a shop has them: it takes twice as long. Their indexes grow as they do
   * in use, and their pages are as full; an index that is built at the end would have full pages, and each new row split one.
   */
  readonly random?: boolean
}

/** Different customers of a random history. */
export const CUSTOMERS = 1_000_000

const ENDPOINT = 'default'
const SANDBOX = 'sandbox'
const AMOUNT = 2500
const CHARGES_PER_CUSTOMER = 100
/** Charges with the same millisecond in their ids; a counter makes the ids unique. */
const BATCH = 1000
const BATCH_MS = 10_000
const CACHE_KIB = 2 * 1024 * 1024

/**
 * The charges of one batch, which are copied into every table: `:time` is the time digits of their ids, `:at` the same
 * in ms, and `:first` the number of charges before them. Decimal digits are also base32 digits, and sort in the same
 * order. Customers come in turn: in random order their index takes half of the time.
 */
const BATCH_TABLE = `CREATE TEMP TABLE batch (i INTEGER PRIMARY KEY, id TEXT, tail TEXT, customer TEXT, key TEXT, facts TEXT)`
/** As long as a UUID. */
const RANDOM_KEY = `lower(hex(randomblob(18)))`
function batchRows({
  story,
  provider = SANDBOX,
  perCustomer = CHARGES_PER_CUSTOMER,
  random = false,
}: History): string {
  const processing = story === 'unknown'
  const reference = processing ? '' : `,"providerReference":"${provider}_txn_' || tail || '"`
  const customer = random ? `abs(random() % ${CUSTOMERS})` : `i / ${perCustomer}`
  // Materialized, because otherwise each use of a random value would make another one.
  return `
  WITH RECURSIVE
    count (i) AS (SELECT :first + 1 UNION ALL SELECT i + 1 FROM count WHERE i < :first + ${BATCH}),
    charge (i, tail, customer, key) AS MATERIALIZED (
      SELECT i, :time || printf('%016d', i), printf('cus_%06d', ${customer}), ${random ? RANDOM_KEY : `printf('fill-%012d', i)`}
      FROM count)
  INSERT INTO batch
  SELECT i, 'txn_' || tail, tail, customer, key,
    '{"charge":{"id":"txn_' || tail || '","amount":${AMOUNT}${processing ? '' : `,"amountCaptured":${AMOUNT}`}'
      || ',"currency":"usd","customer":"' || customer || '","status":"${processing ? 'processing' : 'succeeded'}"'
      || ',"provider":"${provider}"${reference},"idempotencyKey":"' || key || '","createdAt":' || CAST(:at AS INTEGER) || '}}'
  FROM charge`
}

/** The content of the request, as its idempotency record has it. */
const FINGERPRINT = `'POST /api/v1/charges {"amount":${AMOUNT},"currency":"usd","customer":"' || customer || '"}'`

const COPIES_OF_TAKEN = [
  `INSERT INTO charges (account_id, live, id, version, amount, amount_captured, amount_refunded, currency, customer,
     status, provider, provider_reference, idempotency_key, created_at, first_event, first_transfer)
   SELECT 1, 0, id, 1, ${AMOUNT}, ${AMOUNT}, 0, 'usd', customer, 'succeeded', :provider, :provider || '_' || id, key, :at,
     i, i
   FROM batch`,
  `INSERT INTO idempotency_keys (account_id, live, key, fingerprint, ending, object_id, event_seq, created_at)
   SELECT 1, 0, key, ${FINGERPRINT}, 'created', id, i, :at FROM batch`,
  `INSERT INTO ledger_transfers
     (account_id, live, seq, debit_account_id, credit_account_id, transaction_id, amount, created_at, is_first)
   SELECT 1, 0, i, 1, 2, id, ${AMOUNT}, :at, 1 FROM batch`,
  `INSERT INTO events (account_id, live, seq, id, type, data, created_at)
   SELECT 1, 0, i, 'evt_' || tail, 'payment.succeeded', facts, :at FROM batch`,
]
const ROUTE = '{"rule":"default"}'
const COPIES_OF_UNKNOWN = [
  `INSERT INTO charges (account_id, live, id, version, amount, amount_refunded, currency, customer, status, provider,
     idempotency_key, created_at)
   SELECT 1, 0, id, 1, ${AMOUNT}, 0, 'usd', customer, 'processing', :provider, key, :at FROM batch`,
  `INSERT INTO idempotency_keys (account_id, live, key, fingerprint, ending, object_id, event_seq, created_at)
   SELECT 1, 0, key, ${FINGERPRINT}, 'accepted', id, 0, :at FROM batch`,
  `INSERT INTO attempts (id, account_id, live, transaction_id, kind, provider, state, amount, currency, route, reason,
     idempotency_key, started_at, lookups, unknown_since, due_at)
   SELECT 'att_' || tail, 1, 0, id, 'authorize', :provider, 'unknown', ${AMOUNT}, 'usd', '${ROUTE}', 'no answer in time',
     key, :at, 0, :at, :at
   FROM batch`,
]
const COPIES: Readonly<Record<Story, readonly string[]>> = {
  finished: COPIES_OF_TAKEN,
  undelivered: COPIES_OF_TAKEN,
  unknown: COPIES_OF_UNKNOWN,
}

/** Creates the database `file` with this history. */
export function fill(file: string, history: History, now: number): void {
  const { charges, story, provider = SANDBOX } = history
  const db = openWriter(file)
  migrate(db)
  // A crash here only ends the benchmark, so each page is written just once, without a sync.
  db.pragma('journal_mode = OFF')
  db.pragma('synchronous = OFF')
  db.pragma('temp_store = MEMORY')
  // A random history touches its pages in any order: in a smaller cache each would be written many times.
  db.pragma(`cache_size = -${CACHE_KIB}`)
  db.transaction(() => {
    db.exec(BATCH_TABLE)
    total(db, history)
    const clear = db.prepare('DELETE FROM batch')
    const make = db.prepare(batchRows(history))
    const copies = COPIES[story].map((sql) => db.prepare(sql))
    for (let first = 0; first < charges; first += BATCH) {
      const at = now - ((charges - first) / BATCH) * BATCH_MS
      clear.run()
      make.run({ first, time: encodeTime(at), at })
      for (const copy of copies) copy.run({ at, provider })
    }
    db.exec(COUNT_CALLS)
  })()
  sealRows(db)
  // As the writer folds them: an index that is built at once has full pages, and each new row splits one.
  const folds = { long: 0, ...(history.random && { chunk: FOLD_AT }) }
  foldLongTail(db, undefined, folds)
  foldLongLog(db, undefined, folds)
  db.pragma('journal_mode = WAL')
  db.close()
  flush(file)
}

/** Writes what the system keeps for the disk: later it would be written during a measurement. */
function flush(file: string): void {
  const descriptor = openSync(file, 'r+')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

const UNTOLD = `
  INSERT INTO webhook_endpoints (account_id, live, id, version, url, events, format, ordered, secrets, status, created_at)
  VALUES (1, 0, '${ENDPOINT}', 1, '', '[]', 'original', 0, '[]', 'enabled', 1);
  INSERT INTO webhook_cursors (account_id, live, endpoint, position, reach, pending, failed)
  VALUES (1, 0, '${ENDPOINT}', 0, 0, 0, 0)`

/** The balances and counters of the charges. */
function total(db: Connection, { charges, story, provider = SANDBOX }: History): void {
  const counter = db.prepare('INSERT INTO counters VALUES (1, 0, ?, ?, ?)')
  if (story === 'unknown') {
    counter.run('attempts_unknown', '', charges)
    return
  }
  const account = db.prepare(`INSERT INTO ledger_accounts VALUES (?, 1, 0, ?, 'usd', ?)`)
  account.run(1, `provider:${provider}`, charges * AMOUNT)
  account.run(2, 'merchant', -charges * AMOUNT)
  counter.run('charges_succeeded', 'usd', charges)
  if (story === 'undelivered') db.exec(UNTOLD)
}
