/** Facts about the database and its nodes. */
import type { StoreNode, SystemFacts } from '../../ports/store-system.ts'
import { NOW } from './clock.ts'
import { DEAD_AFTER_MS } from './nodes.ts'
import type { Sql } from './statements.ts'

const DATABASE = `
  SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes`

const NODES = `
  SELECT id, seen_at AS "seenAt", (id = $1)::int AS "isOwn" FROM nodes
  WHERE seen_at >= ${NOW} - ${DEAD_AFTER_MS} ORDER BY id LIMIT 100`

type NodeRow = Omit<StoreNode, 'isOwn'> & { readonly isOwn: number }

export function systemReads(sql: Sql, node: string) {
  return {
    async systemFacts(): Promise<SystemFacts> {
      const [database, nodes] = await Promise.all([sql(DATABASE), sql(NODES, [node])])
      const [found] = database.rows as { version: string; bytes: number }[]
      return {
        engine: 'postgresql',
        // Packagers add their own words: `17.2 (Debian 17.2-1)`.
        version: (found?.version ?? '').split(' ')[0] ?? '',
        databaseBytes: Number(found?.bytes),
        freeBytes: null,
        nodes: (nodes.rows as NodeRow[]).map((row) => ({ ...row, isOwn: row.isOwn === 1 })),
      }
    },
  }
}
