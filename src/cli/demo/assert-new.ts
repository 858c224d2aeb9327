/** Refuses to fill a database that has something in it. */
import { isSameScope } from '../../domain/scope.ts'
import type { Log } from '../../ports/log.ts'
import type { Store } from '../../ports/store.ts'
import { engineOf } from '../../storage/engine.ts'
import { SCOPE } from './play.ts'

/** A database that has something in it, as a sentence. */
export class NotNew extends Error {
  override readonly name = 'NotNew'
}

const SILENT: Log = { info() {}, warn() {}, error() {} }
/** How the engines say that there is nothing yet. */
const NOTHING_YET = /^There is no database | is at schema 0 of /

/**
 * Throws `NotNew` if the database has a charge, a rule, a key, a webhook endpoint or another process; and a sentence if it
 * has another schema or cannot be used. Changes nothing, and opens it with the machine's own time: the simulated one is
 * for a database that nothing else has ever used.
 */
export async function assertNew(database: string): Promise<void> {
  const engine = await engineOf(database)
  const exists = await engine.epochs().then(
    () => true,
    (error: Error) => {
      if (NOTHING_YET.test(error.message)) return false
      throw error
    },
  )
  if (!exists) return
  const store = await engine.open({ log: SILENT, withoutFsync: 'allow', onGroup() {}, onFatal() {} })
  try {
    await refuseUsed(store)
  } finally {
    await store.close()
  }
}

async function refuseUsed(store: Store): Promise<void> {
  const [{ data: demos }, scopes, anyKey, { data: endpoints }, { nodes }] = await Promise.all([
    store.auditEntries(SCOPE, { limit: 1, action: 'demo.filled' }),
    store.usedScopes(2),
    store.anyAccessKey(),
    store.webhookEndpoints(SCOPE, { limit: 1 }),
    store.systemFacts(),
  ])
  if (demos.length > 0)
    throw new NotNew(
      'This database has a demo already. Start it with npm start, or fill another file with --database.',
    )
  if (scopes.some((scope) => !isSameScope(scope, SCOPE)))
    throw new NotNew(
      'This database has charges or rules of a shop. Fill a new one: minipay demo --database demo.db',
    )
  if (scopes.length > 0 || anyKey || endpoints.length > 0)
    throw new NotNew(
      'This database is in use: it has charges, rules, API keys or webhook endpoints. Fill a new one: minipay demo --database demo.db',
    )
  if (nodes && nodes.length > 1)
    throw new NotNew('A server uses this database. Stop it, or fill another database.')
}
