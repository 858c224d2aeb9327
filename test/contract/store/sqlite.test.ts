import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { migrate } from '../../../src/storage/sqlite/migrate.ts'
import { openWriter } from '../../../src/storage/sqlite/open.ts'
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts'
import type { OpenStore } from '../../kit/commits.ts'
import { type TempDir, tempDir } from '../../kit/folders.ts'
import { storeContract } from './contract.ts'

let home: TempDir
/** A file with the schema and a second account beside the one that the first migration makes. */
let template: string

before(() => {
  home = tempDir()
  template = join(home.path, 'template.db')
  const db = openWriter(template)
  migrate(db)
  db.exec(`INSERT INTO accounts (public_id, name, created_at) VALUES ('acct_other', 'other', 0)`)
  db.close()
})
after(() => home.remove())

async function open(): Promise<OpenStore> {
  const folder = tempDir()
  const file = join(folder.path, 'contract.db')
  copyFileSync(template, file)
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
