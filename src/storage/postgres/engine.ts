import type { Client } from 'pg'
import { publicName } from '../../database-name.ts'
import type { Engine } from '../engine.ts'
import { SchemaMismatch } from '../migrations.ts'

/** The engine of the PostgreSQL database at this URL. Each command loads only the code that it needs. */
export function postgresEngine(url: string): Engine {
  return {
    async open(options) {
      const { openPostgresStore } = await import('./store.ts')
      return named(url, () => openPostgresStore({ url, ...options }), options.signal)
    },
    async migrate(watch) {
      const { migratePostgres, migrations, withClient } = await import('./migrate.ts')
      const { LEDGER_SLICES_DUE } = await import('./read-ledger-history.ts')
      return named(url, async () => {
        const applied = await migratePostgres(url, migrations(), {}, watch)
        const due = await withClient(url, (client) => client.query(LEDGER_SLICES_DUE, [1]))
        const slicesDue = due.rows.length > 0
        return { applied: applied.map(({ name }) => name), version: migrations().length, slicesDue }
      })
    },
    async verify(since) {
      const { verifyPostgres } = await import('./verify.ts')
      const { assertCopied } = await import('./copying.ts')
      const { withClient } = await import('./migrate.ts')
      return named(url, async () => {
        const result = await verifyPostgres(url, since)
        await withClient(url, (client) => assertCopied(client, url))
        return result
      })
    },
    async epochs() {
      const { epochsIn } = await import('./epochs.ts')
      return using(url, epochsIn)
    },
    async beginEpoch() {
      const { beginEpoch } = await import('./epochs.ts')
      const { assertCopied } = await import('./copying.ts')
      return using(url, async (client) => {
        await assertCopied(client, url)
        return beginEpoch(client, 'requested')
      })
    },
  }
}

/** Opens a database of this program's schema. */
async function using<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const { assertCurrent, withClient } = await import('./migrate.ts')
  return named(url, () =>
    withClient(url, async (client) => {
      await assertCurrent(client, url)
      return use(client)
    }),
  )
}

/** Adds the database's name to an error of the server or the network, which lacks it. */
async function named<T>(url: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (signal?.aborted) throw error
    const { message } = error as Error
    const name = publicName(url)
    if (error instanceof SchemaMismatch || message.includes(name) || message.startsWith('The database URL'))
      throw error
    throw new Error(
      `${name} cannot be used: ${message.replace(/\.$/, '')}. Check the setting that names it.`,
      { cause: error },
    )
  }
}
