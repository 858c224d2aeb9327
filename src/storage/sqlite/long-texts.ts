/**
 * `long_texts` stores each text that is too long for its row, once. A charge's description and metadata are one text,
 * its details: its row, its events and its key's record refer to it. If the rest of an event is long without them, it
 * is another text. An ordinary charge has none.
 */
import { hash } from 'node:crypto'
import type { Connection } from './connection.ts'
import { defineUnpacked } from './packed-texts.ts'

/**
 * The most UTF-16 code units of a description and metadata in a row: with more, most events would need another page.
 */
const MAX_DETAILS = 256
/**
 * The JSON before the description, and between it and the metadata. JSON escapes quotes within a text, so these are
 * unique.
 */
const [BEFORE, BETWEEN] = ['"description":', ',"metadata":']
const MARK = '"details":'

/** The details as JSON, if they are too long; null if they fit into the row. `metadata` is JSON. */
export function longDetails(description: string | null, metadata: string | null): string | null {
  if ((description?.length ?? 0) + (metadata?.length ?? 0) <= MAX_DETAILS) return null
  return `${BEFORE}${JSON.stringify(description)}${BETWEEN}${metadata ?? '{}'}`
}

/** SHA-256 as base64url: it shows whether a text was changed. */
export function digestOf(text: string): string {
  return hash('sha256', text, 'base64url')
}

/** A stored text and its number. */
export type Apart = { readonly id: number; readonly text: string }

/** The JSON with a reference in place of the details; unchanged if it does not contain them. */
export function withoutDetails(json: string, apart: Apart | undefined): string {
  const place = apart ? json.indexOf(apart.text) : -1
  if (!apart || place < 0) return json
  return `${json.slice(0, place)}${MARK}${apart.id}${json.slice(place + apart.text.length)}`
}

const TEXT = (id: string) => `(SELECT text FROM long_texts WHERE id = ${id})`
/** If the text is missing, which `verify` reports, the JSON becomes unreadable, and not another object. */
const FOUND = (id: string) => `coalesce(${TEXT(id)}, '')`

/** The columns of a row of `charges` or `refunds` that has no alias. */
export const DESCRIPTION = `CASE WHEN details_id IS NULL THEN description ELSE (
    SELECT substr(text, ${BEFORE.length + 1}, instr(text, '${BETWEEN}') - ${BEFORE.length + 1}) ->> '$'
    FROM long_texts WHERE id = details_id) END`
export const METADATA = `CASE WHEN details_id IS NULL THEN metadata ELSE (
    SELECT CASE count(*) WHEN 0 THEN '' ELSE nullif(substr(max(text), instr(max(text), '${BETWEEN}') + ${BETWEEN.length}), '{}') END
    FROM long_texts WHERE id = details_id) END`

/** The complete data of the event `e`; `unpacked` is of packed-texts. */
export const EVENT_DATA = `CASE WHEN e.details_id IS NULL AND e.rest_id IS NULL THEN unpacked(e.data) ELSE replace(
    unpacked(e.data) || CASE WHEN e.rest_id IS NULL THEN '' ELSE ${FOUND('e.rest_id')} END,
    coalesce('${MARK}' || e.details_id, ''), ${FOUND('e.details_id')}) END`

/** The complete fingerprint of the idempotency record `k`. */
export const FINGERPRINT = 'unpacked(k.fingerprint)'

/** The complete facts of the idempotency record `k`. */
export const FACTS = `CASE WHEN k.details_id IS NULL THEN k.facts
  ELSE replace(k.facts, '${MARK}' || k.details_id, ${FOUND('k.details_id')}) END`

type Referring = {
  readonly table: string
  /** The table's name in the expressions above. */
  readonly as: string
  /** The columns that contain a long text or a packed one, as complete expressions. */
  readonly whole: Readonly<Record<string, string>>
  /** The columns that contain numbers of long texts. */
  readonly by: readonly string[]
}

/** The columns that refer to long texts. */
export const REFERRING: readonly Referring[] = [
  { table: 'charges', as: 'c', whole: { description: DESCRIPTION, metadata: METADATA }, by: ['details_id'] },
  { table: 'refunds', as: 'r', whole: { description: DESCRIPTION, metadata: METADATA }, by: ['details_id'] },
  { table: 'events', as: 'e', whole: { data: EVENT_DATA }, by: ['details_id', 'rest_id'] },
  {
    table: 'idempotency_keys',
    as: 'k',
    whole: { facts: FACTS, fingerprint: FINGERPRINT },
    by: ['details_id'],
  },
]

/**
 * Shows complete rows on this connection, as PostgreSQL stores them: temporary views hide the tables of the same names.
 * Meanwhile this connection cannot write those tables. Returns a function that removes the views.
 */
export function showWholeRows(db: Connection): () => void {
  defineUnpacked(db)
  const views = REFERRING.map((referring) => viewOf(db, referring))
  changeTemporary(db, views)
  const drops = REFERRING.map(({ table }) => `DROP VIEW temp.${table}`)
  return () => changeTemporary(db, drops)
}

function viewOf(db: Connection, { table, as, whole, by }: Referring): string {
  const all = (db.pragma(`main.table_info(${table})`) as { name: string }[]).map(({ name }) => name)
  const shown = all
    .filter((name) => !by.includes(name))
    .map((name) => `${whole[name] ?? `${as}.${name}`} AS ${name}`)
  return `CREATE TEMP VIEW ${table} AS SELECT ${shown.join(', ')} FROM main.${table} ${as}`
}

/** Runs texts that change temporary tables. A read-only connection also refuses those. */
export function changeTemporary(db: Connection, texts: readonly string[]): void {
  const readsOnly = db.pragma('query_only', { simple: true }) === 1
  if (readsOnly) db.pragma('query_only = OFF')
  try {
    for (const text of texts) db.exec(text)
  } finally {
    if (readsOnly) db.pragma('query_only = ON')
  }
}
