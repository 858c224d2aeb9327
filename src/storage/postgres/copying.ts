import type { Client } from 'pg'
import { publicUrl } from '../../database-name.ts'
import { withClient } from './migrate.ts'
import type { SessionOptions } from './session.ts'

/** The database contains part of another one: waiting does not help. */
export class UnfinishedCopy extends Error {
  override readonly name = 'UnfinishedCopy'
}

/**
 * Throws a sentence while an embedded database is being copied into this one. A starting copy locks the schema's row,
 * looks for nodes, and registers itself. A starting node registers itself first and then waits for that row: so one of
 * the two always sees the other.
 */
export function assertNotCopying(url: string, wanted: SessionOptions = {}): Promise<void> {
  const look = async (client: Client) => {
    await client.query('SELECT number FROM schema_version FOR UPDATE')
    await assertCopied(client, url)
  }
  return withClient(url, look, wanted)
}

/** Throws a sentence if the database contains part of another one. It only reads. */
export async function assertCopied(client: Client, url: string): Promise<void> {
  const { rows } = await client.query('SELECT 1 FROM copies WHERE done_at IS NULL')
  if (rows.length > 0)
    throw new UnfinishedCopy(
      `${publicUrl(url)} contains an unfinished copy of a SQLite database. Run minipay copy again: it continues where it stopped.`,
    )
}
