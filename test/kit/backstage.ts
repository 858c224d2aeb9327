/** Changes the database directly: it makes postponed work due now, so that tests need not wait. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Ends } from './folders.ts'
import { onDatabase, startPostgres } from './postgres.ts'

export const ENGINES = ['sqlite', 'postgres'] as const
export type Engine = (typeof ENGINES)[number]

/** The database of a new MiniPay: a file in a folder, or a database on a PostgreSQL server that ends with the test. */
export async function newDatabase(engine: Engine, folder: string, ends: Ends): Promise<string> {
  if (engine === 'sqlite') return join(folder, 'minipay.db')
  const server = await startPostgres()
  ends.add(server.remove)
  return server.createDatabase()
}

export const isPostgres = (database: string) => database.startsWith('postgres')

/** The rows of a query. */
export async function rowsOf(database: string, sql: string): Promise<Record<string, unknown>[]> {
  if (isPostgres(database)) return onDatabase(database, async (client) => (await client.query(sql)).rows)
  const db = new Database(database, { readonly: true })
  try {
    return db.prepare<[], Record<string, unknown>>(sql).all()
  } finally {
    db.close()
  }
}

export type Backstage = {
  /**
   * Makes all postponed work due now, or with `all` false the work that may bring news; MiniPay must not be running.
   */
  hurry(all: boolean): Promise<void>
  /** Notifications that are due now. */
  dueNotifications(): Promise<number>
  /** Notifications that are not settled, and may wait for long. */
  pendingNotifications(): Promise<number>
  /** The notifications about a charge's attempts, one row each. */
  notificationsOf(charge: string): Promise<string[]>
  /** Deliveries of webhooks that have not ended. */
  pendingDeliveries(): Promise<number>
}

/** If a lookup shows nothing new, MiniPay makes a few later ones, which cannot bring anything here. */
const NEWS = `state = 'pending' AND coalesce(last_error, '') <> 'the provider reports nothing new'`

export function backstage(database: string): Backstage {
  const now = isPostgres(database) ? () => 'extract(epoch FROM clock_timestamp()) * 1000' : Date.now
  const released = isPostgres(database) ? 'token = NULL, owner = NULL' : 'token = NULL'
  const count = async (from: string) =>
    Number((await rowsOf(database, `SELECT count(*) AS n FROM ${from}`))[0]?.['n'])
  return {
    async hurry(all) {
      const due = [
        `UPDATE attempts SET due_at = started_at, ${released} WHERE state IN ('sending', 'pending', 'unknown')`,
        `UPDATE notifications SET due_at = received_at, ${released} WHERE ${all ? `state = 'pending'` : NEWS}`,
        'UPDATE webhook_deliveries SET due_at = created_at WHERE due_at IS NOT NULL',
      ].join(';')
      if (isPostgres(database)) return onDatabase(database, async (client) => void (await client.query(due)))
      const db = new Database(database)
      db.exec(due)
      db.close()
    },
    dueNotifications: () => count(`notifications WHERE state = 'pending' AND due_at <= ${now()}`),
    pendingNotifications: () => count(`notifications WHERE ${NEWS}`),
    async notificationsOf(charge) {
      const rows = await rowsOf(
        database,
        `SELECT n.* FROM notifications n JOIN attempts a ON n.reference IN (a.id, a.provider_reference)
         WHERE a.transaction_id = '${charge}' ORDER BY n.id`,
      )
      return rows.map((row) => JSON.stringify(row))
    },
    async pendingDeliveries() {
      const past = 'c.account_id = e.account_id AND c.live = e.live AND e.seq > c.position'
      const backlog = await count(`events e JOIN webhook_cursors c ON ${past}`)
      return backlog + (await count(`webhook_deliveries WHERE state = 'pending'`))
    },
  }
}
