/** The parts of a SQLite store on one thread, so that a test can look at what they keep in memory. */
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Commit } from '../../src/ports/store.ts'
import { messageOf } from '../../src/storage/sqlite/commit-message.ts'
import { defineHash } from '../../src/storage/sqlite/fold-keys.ts'
import { migrate } from '../../src/storage/sqlite/migrate.ts'
import { openReader, openWriter } from '../../src/storage/sqlite/open.ts'
import { createQueries } from '../../src/storage/sqlite/queries.ts'
import { tailMemory } from '../../src/storage/sqlite/tails.ts'
import { createWriter } from '../../src/storage/sqlite/writer.ts'
import { atEnd, folderOf } from './folders.ts'

/** A writer and a reader of one new database, whose memory has room for so many entries of an index before a fold. */
export function openedStore(t: TestContext, foldAt = 8) {
  const file = join(folderOf(t), 'store.db')
  const db = openWriter(file)
  atEnd(t, () => db.close())
  migrate(db)
  db.pragma('synchronous = OFF')
  const reader = openReader(file)
  atEnd(t, () => reader.close())
  defineHash(db)
  const start = () => {
    const tails = tailMemory(foldAt)
    return { writer: createWriter(db, () => true, tails), queries: createQueries(reader, tails) }
  }
  let current = start()
  return {
    ...{ db, file },
    write: (commits: readonly Commit[]) =>
      current.writer.run(commits.map((commit) => ['commit', messageOf(commit)] as const)),
    queries: () => current.queries,
    /** As after a new start: only what is stored is known. */
    restart() {
      current = start()
    },
  }
}
