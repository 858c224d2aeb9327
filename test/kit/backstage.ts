/** The database behind MiniPay's back: what is due later is made due now, so that nothing has to be waited for. */
import Database from 'better-sqlite3'
import { onDatabase } from './postgres.ts'

export type Backstage = {
  /** Everything that is put off is due now, `all` of it or what may bring news; MiniPay must not run. */
  hurry(all: boolean): Promise<void>
  /** Notifications that are to be acted on now. */
  dueNotifications(): Promise<number>
  /** Notifications that are not done, and may wait for long. */
  pendingNotifications(): Promise<number>
  /** What providers have told of a charge's attempts, each as a row. */
  notificationsOf(charge: string): Promise<string[]>
  /** Deliveries of webhooks that have not ended. */
  pendingDeliveries(): Promise<number>
}

export function backstage(database: string): Backstage {
  return database.startsWith('postgres') ? onPostgres(database) : onSqlite(database)
}

const OPEN = `state IN ('sending', 'pending', 'unknown')`
/** What its provider said nothing new of is asked about a few times more, and nothing will come of it. */
const NEWS = `state = 'pending' AND coalesce(last_error, '') <> 'the provider reports nothing new'`
const DUE_NOTIFICATIONS = (now: string) =>
  `SELECT count(*) AS n FROM notifications WHERE ${NEWS} AND due_at <= ${now}`
const PENDING_NOTIFICATIONS = `SELECT count(*) AS n FROM notifications WHERE ${NEWS}`
const NOTIFICATIONS_OF = (charge: string) =>
  `SELECT n.* FROM notifications n JOIN attempts a ON n.reference IN (a.id, a.provider_reference)
   WHERE a.transaction_id = '${charge}' ORDER BY n.id`
const PENDING_DELIVERIES = `SELECT count(*) AS n FROM deliveries WHERE state = 'pending'`
const HURRY = (all: boolean) => [
  `UPDATE attempts SET due_at = started_at, token = NULL WHERE ${OPEN}`,
  `UPDATE notifications SET due_at = received_at, token = NULL WHERE ${all ? `state = 'pending'` : NEWS}`,
  `UPDATE deliveries SET due_at = created_at, token = NULL WHERE state = 'pending'`,
]

function onSqlite(file: string): Backstage {
  const count = (sql: string): number => {
    const db = new Database(file, { readonly: true })
    try {
      return (db.prepare(sql).get() as { n: number }).n
    } finally {
      db.close()
    }
  }
  return {
    async hurry(all) {
      const db = new Database(file)
      for (const statement of HURRY(all)) db.prepare(statement).run()
      db.close()
    },
    dueNotifications: async () => count(DUE_NOTIFICATIONS(String(Date.now()))),
    pendingNotifications: async () => count(PENDING_NOTIFICATIONS),
    notificationsOf: async (charge) => {
      const db = new Database(file, { readonly: true })
      const rows = db.prepare(NOTIFICATIONS_OF(charge)).all()
      db.close()
      return rows.map((row) => JSON.stringify(row))
    },
    pendingDeliveries: async () => count(PENDING_DELIVERIES),
  }
}

function onPostgres(url: string): Backstage {
  const count = (sql: string): Promise<number> =>
    onDatabase(url, async (client) => Number((await client.query(sql)).rows[0].n))
  return {
    hurry: (all) =>
      onDatabase(url, async (client) => {
        for (const statement of HURRY(all))
          await client.query(statement.replace('token = NULL', 'token = NULL, owner = NULL'))
      }),
    dueNotifications: () => count(DUE_NOTIFICATIONS('extract(epoch FROM clock_timestamp()) * 1000')),
    pendingNotifications: () => count(PENDING_NOTIFICATIONS),
    notificationsOf: (charge) =>
      onDatabase(url, async (client) => {
        const { rows } = await client.query(NOTIFICATIONS_OF(charge))
        return rows.map((row) => JSON.stringify(row))
      }),
    pendingDeliveries: () => count(PENDING_DELIVERIES),
  }
}
