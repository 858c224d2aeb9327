/** Databases as former versions stored them. */
import { renameSync } from 'node:fs'
import { endingView } from '../../src/api/minipay/endings.ts'
import { snapshotView } from '../../src/api/minipay/views.ts'
import { recordedEnding } from '../../src/app/payments/endings.ts'
import { idFactory } from '../../src/domain/id.ts'
import type { EndingKind } from '../../src/domain/idempotency.ts'
import { decodeSnapshot } from '../../src/domain/snapshot.ts'
import type { Store } from '../../src/ports/store.ts'
import type { Connection } from '../../src/storage/sqlite/connection.ts'
import { DESCRIPTION, EVENT_DATA, FACTS, FINGERPRINT, METADATA } from '../../src/storage/sqlite/long-texts.ts'
import { type Migration, migrate, migrations } from '../../src/storage/sqlite/migrate.ts'
import { openWriter } from '../../src/storage/sqlite/open.ts'

/** Makes packed texts whole, as earlier versions stored them. */
export const WITHOUT_PACKED_TEXTS = `
  UPDATE events SET data = unpacked(data);
  UPDATE idempotency_keys SET fingerprint = unpacked(fingerprint)`

/** Puts long and packed texts back into their rows, as earlier versions and PostgreSQL store them. */
export const WITHOUT_LONG_TEXTS = `
  UPDATE charges SET description = ${DESCRIPTION}, metadata = ${METADATA}, details_id = NULL WHERE details_id IS NOT NULL;
  UPDATE refunds SET description = ${DESCRIPTION}, metadata = ${METADATA}, details_id = NULL WHERE details_id IS NOT NULL;
  UPDATE events AS e SET data = ${EVENT_DATA}, details_id = NULL, rest_id = NULL;
  UPDATE idempotency_keys AS k SET facts = ${FACTS}, fingerprint = ${FINGERPRINT}, details_id = NULL;
  DELETE FROM long_texts;`

/** The API's view of an event, which was its data before events stored facts. When a dispute ended was not stored then. */
export const rendered = (data: string): string =>
  JSON.stringify(snapshotView(decodeSnapshot(data))).replace(
    /("evidence_due_at":[^,]+,"closed_at":)"[^"]+"/,
    '$1null',
  )

/** The response that the record of a key had before records stored facts: null if it was its event's data. */
function response(
  kind: EndingKind,
  objectId: string,
  facts: string | null,
  event: string | null,
): string | null {
  const ending = { kind, objectId, facts }
  const ended = recordedEnding({ fingerprint: '', surface: 'minipay', ending, event })
  if (!ended) return JSON.stringify(objectId.startsWith('re_') ? { refund_id: objectId } : { id: objectId })
  const code = ended.about === 'charge' && facts === null ? 'card_declined' : 'provider_declined'
  const text = JSON.stringify(endingView(ended, code))
  return event !== null && text === rendered(event) ? null : text
}

/** Replaces the facts of events and records by the API's view of them. */
function withoutFacts(db: Connection): void {
  db.function('rendered', { deterministic: true }, (data) => rendered(String(data)))
  db.function('response', { deterministic: true, varargs: true }, (...given) => {
    const [kind, objectId, facts, event] = given as [EndingKind, string, string | null, string | null]
    return response(kind, objectId, facts, event)
  })
  db.exec(`
    UPDATE idempotency_keys AS k SET facts = response(ending, object_id, facts, (
      SELECT data FROM events e
      WHERE e.account_id = k.account_id AND e.live = k.live AND e.seq = k.event_seq));
    UPDATE events SET data = rendered(data);`)
}

/** The transfers as the version before stored them: two entries each. */
const AS_ENTRIES = `
  CREATE TABLE ledger_entries AS
    SELECT account_id, live, 2 * seq - 1 AS seq, debit_account_id AS ledger_account_id, transaction_id, amount, created_at
    FROM ledger_transfers
    UNION ALL
    SELECT account_id, live, 2 * seq, credit_account_id, transaction_id, -amount, created_at FROM ledger_transfers`

/** Deliveries to the one endpoint that there was, as rows of the commit; of their attempts only the last was stored. */
const FORMER_DELIVERIES = `(
  SELECT id, account_id, live, endpoint, event_seq, state, attempts, due_at, NULL AS token,
    tries ->> '$[#-1].status' AS last_status, tries ->> '$[#-1].error' AS last_error, created_at
  FROM books.webhook_deliveries WHERE endpoint = 'default')`

const COUNTED_DELIVERIES = `
  DELETE FROM counters WHERE name IN ('deliveries_pending', 'deliveries_delivered', 'deliveries_failed');
  INSERT INTO counters (account_id, live, name, currency, value)
  SELECT account_id, live, 'deliveries_' || state, '', count(*) FROM deliveries GROUP BY account_id, live, state`

/** The parts of `everything` that former versions stored in another way. */
export const FORMER_WEBHOOKS = { endpoints: null, deliveries: null, deliveryTotals: null } as const

/** Columns that had another name. */
const FORMERLY: Readonly<Record<string, string>> = { answer_kind: 'ending', answer_body: 'facts' }

/** The store, as a former version used it: every event has digits of its own in its id. */
export function withFormerIds(store: Store): Store {
  let at = 0
  const newId = idFactory(
    () => at,
    () => 0n,
  )
  return {
    ...store,
    commit(commit) {
      at = commit.at
      return store.commit({ ...commit, event: commit.event && { ...commit.event, id: newId('evt') } })
    },
    // Those versions took no key with a replay, nor with a retry of webhooks.
    addReplay: (replay, entry) => store.addReplay(replay, entry, null),
    addIdempotencyRecord: () => Promise.resolve(true),
  }
}

/** Takes a database back to the schema before a migration, with its rows as that version stored them. */
export function makeFormer(sound: string, migration: string): void {
  const file = `${sound}.old`
  const all = migrations()
  const index = all.findIndex(({ name }: Migration) => name.endsWith(`_${migration}.sql`))
  const old = openWriter(file)
  migrate(old, all.slice(0, index))
  old.pragma('foreign_keys = OFF')
  const rows = openWriter(sound)
  rows.exec(WITHOUT_PACKED_TEXTS)
  if (index <= all.findIndex(({ name }) => name.endsWith('_facts.sql'))) {
    rows.exec(WITHOUT_LONG_TEXTS)
    withoutFacts(rows)
    rows.exec(AS_ENTRIES)
  }
  rows.close()
  old.prepare('ATTACH ? AS books').run(sound)
  const tables = old
    .prepare(`SELECT name FROM main.sqlite_schema WHERE type = 'table'`)
    .pluck()
    .all() as string[]
  for (const table of tables) {
    const columns = (old.pragma(`main.table_info(${table})`) as { name: string }[]).map(({ name }) => name)
    const from = columns.map((name) => FORMERLY[name] ?? name)
    const source = table === 'deliveries' ? FORMER_DELIVERIES : `books.${table}`
    // Versions whose accounts had no public id had the operator's account alone.
    const only = table === 'accounts' && !columns.includes('public_id') ? 'WHERE id = 1' : ''
    old.exec(
      `DELETE FROM main.${table}; INSERT INTO main.${table} (${columns.join()}) SELECT ${from.join()} FROM ${source} ${only}`,
    )
  }
  if (tables.includes('deliveries')) old.exec(COUNTED_DELIVERIES)
  old.close()
  renameSync(file, sound)
}
