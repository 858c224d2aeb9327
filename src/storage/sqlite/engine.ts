import { existsSync } from 'node:fs'
import type { Engine } from '../engine.ts'
import type { Connection } from './connection.ts'

/** The engine of the embedded database in this file. Each command loads only the code that it needs. */
export function sqliteEngine(file: string): Engine {
  return {
    async open(options) {
      const { openSqliteStore } = await import('./store.ts')
      return openSqliteStore({ file, ...options })
    },
    async migrate(watch) {
      const { migrate, migrations, schemaVersion } = await import('./migrate.ts')
      const { LEDGER_SLICES_DUE } = await import('./read-ledger-history.ts')
      return writing(file, (db) => ({
        applied: migrate(db, migrations(), watch).map(({ name }) => name),
        version: schemaVersion(db),
        slicesDue: db.prepare(LEDGER_SLICES_DUE).get(1) !== undefined,
      }))
    },
    async verify(since) {
      const { verify } = await import('./verify.ts')
      return reading(file, (db) => verify(db, since))
    },
    async epochs() {
      const { assertCurrent } = await import('./migrate.ts')
      const { epochsIn } = await import('./epochs.ts')
      return reading(file, (db) => {
        assertCurrent(db)
        return epochsIn(db)
      })
    },
    async beginEpoch() {
      const { assertCurrent } = await import('./migrate.ts')
      const { beginEpoch } = await import('./epochs.ts')
      assertExists(file)
      return writing(file, (db) => {
        assertCurrent(db)
        return beginEpoch(db, 'requested', Date.now(), null)
      })
    },
    async backup(copy) {
      return (await import('./backup.ts')).backup(file, copy)
    },
    async restore(copy) {
      return (await import('./backup.ts')).restore(file, copy)
    },
  }
}

function assertExists(file: string): void {
  if (!existsSync(file)) throw new Error(`There is no database ${file}.`)
}

async function reading<T>(file: string, read: (db: Connection) => T): Promise<T> {
  const { openReader, refuseOtherFiles } = await import('./open.ts')
  assertExists(file)
  refuseOtherFiles(file)
  const db = openReader(file)
  try {
    return read(db)
  } finally {
    db.close()
  }
}

/** Runs under the lock that excludes servers. */
async function writing<T>(file: string, write: (db: Connection) => T): Promise<T> {
  const { lockDatabase, openWriter } = await import('./open.ts')
  const lock = lockDatabase(file)
  const db = openWriter(file)
  try {
    return write(db)
  } finally {
    db.close()
    lock.release()
  }
}
