import { join } from 'node:path'
import { migrate } from '../../../src/storage/sqlite/migrate.ts'
import { openWriter } from '../../../src/storage/sqlite/open.ts'
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts'
import type { OpenStore } from '../../kit/commits.ts'
import { tempDir } from '../../kit/folders.ts'
import { storeContract } from './contract.ts'

/** A store on a new file, with a second account beside the one that the first migration makes. */
async function open(): Promise<OpenStore> {
  const folder = tempDir()
  const file = join(folder.path, 'contract.db')
  const db = openWriter(file)
  migrate(db)
  db.exec(`INSERT INTO accounts (public_id, name, created_at) VALUES ('acct_other', 'other', 0)`)
  db.close()

  const fatal: Error[] = []
  const store = await openSqliteStore({ file, onFatal: (error) => fatal.push(error) })
  return {
    store,
    accounts: [1, 2],
    async discard() {
      await store.close()
      folder.remove()
      if (fatal[0]) throw fatal[0]
    },
  }
}

storeContract('SQLite', open)
