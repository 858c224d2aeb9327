/** Checks of long texts for `verify`: see long-texts. */
import type { Connection } from './connection.ts'
import { digestOf, REFERRING } from './long-texts.ts'

/** The name of such a row in a sentence, by table. */
const NAMES: Readonly<Record<string, string>> = {
  charges: `'The transaction ' || id`,
  refunds: `'The refund ' || id`,
  events: `'The event ' || seq`,
  idempotency_keys: `'The idempotency record ' || seq`,
}

/** The first long text that is missing or was changed, as a sentence. */
export function brokenText(db: Connection): string | undefined {
  for (const { table, by } of REFERRING)
    for (const column of by) {
      const missing = db
        .prepare<[], { row: string; text: number }>(
          `SELECT ${NAMES[table]} AS row, ${column} AS text FROM ${table}
           WHERE ${column} IS NOT NULL AND ${column} NOT IN (SELECT id FROM long_texts) LIMIT 1`,
        )
        .get()
      if (missing) return `${missing.row} refers to the long text ${missing.text}, which is not there.`
    }
  const texts = db
    .prepare<[], { id: number; text: string; digest: string }>('SELECT * FROM long_texts')
    .iterate()
  for (const { id, text, digest } of texts)
    if (digestOf(text) !== digest) return `The long text ${id} is not the one that was stored.`
  return undefined
}

/** The references to each text. It belongs to one row: the details of a charge or refund, or the rest of an event. */
const OWNERS = `SELECT details_id AS id FROM charges WHERE details_id IS NOT NULL
  UNION ALL SELECT details_id FROM refunds WHERE details_id IS NOT NULL
  UNION ALL SELECT rest_id FROM events WHERE rest_id IS NOT NULL`

/** The first long text that belongs to no row or to several, as a sentence. */
export function strayText(db: Connection): string | undefined {
  const stray = db
    .prepare<[], { id: number; owners: number }>(
      `SELECT t.id, coalesce(o.owners, 0) AS owners FROM long_texts t
       LEFT JOIN (SELECT id, count(*) AS owners FROM (${OWNERS}) GROUP BY id) o ON o.id = t.id
       WHERE owners IS NULL OR owners <> 1 LIMIT 1`,
    )
    .get()
  return (
    stray && `The long text ${stray.id} belongs to ${stray.owners === 0 ? 'no row' : `${stray.owners} rows`}.`
  )
}
