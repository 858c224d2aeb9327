/** The index of attempts by their provider's reference, as the writer maintains it: see docs/internals/sqlite.md. */
import type { Connection } from './connection.ts'
import { type FoldSteps, folding } from './folding.ts'
import { IdLog, IdLogReader, type LogMemory } from './id-log.ts'
import { indexState } from './key-index.ts'
import { type HashKey, hashOf } from './keyed-hash.ts'

export type ReferenceIndex = ReturnType<typeof referenceIndex>

/** What a provider names an authorization or a refund by; no two attempts have the same. */
export type Reference = readonly [provider: string, kind: string, reference: string]

export function hashOfReference(key: HashKey, [provider, kind, reference]: Reference): number {
  return hashOf(key, 0, kind === 'refund' ? 1 : 0, `${provider}/${reference}`)
}

/** The same in SQL, of an attempt `t`. */
export const REFERENCE_HASH = `hash_in_scope(0, t.kind = 'refund', t.provider || '/' || t.provider_reference)`

/** The attempts that are in the index, as a condition. */
export const REFERENCED = `t.kind IN ('authorize', 'refund') AND t.provider_reference IS NOT NULL`

/** Every attempt with a reference and an id up to this one is in the index. */
export function referencesIndexedTo(db: Connection): string {
  return db.prepare('SELECT indexed_to FROM reference_index_state WHERE id = 1').pluck().get() as string
}

export function referenceIndex(db: Connection, memory: LogMemory) {
  const key = indexState(db)
  const logs = [new IdLog(memory, 0), new IdLog(memory, 1)] as const
  const newest = new IdLogReader(memory)
  const moveMark = db.prepare('UPDATE reference_index_state SET indexed_to = ? WHERE id = 1')
  const insert = db.prepare('INSERT INTO reference_index (hash, id) VALUES (?, ?) ON CONFLICT DO NOTHING')
  const { isIts, inIndex, allInIndex } = statements(db)
  const note = providerNotes(db)
  /** The mark; while a fold runs, the mark that the fold will set. */
  let indexedTo = referencesIndexedTo(db)
  const rows = db
    .prepare<[string], [string, string, string, string]>(
      `SELECT t.id, t.provider, t.kind, t.provider_reference FROM attempts t WHERE t.id > ? AND ${REFERENCED}`,
    )
    .raw()
  const given = new Map<string, Reference>()
  for (const [id, ...reference] of rows.iterate(indexedTo)) {
    logs[0].add(hashOfReference(key, reference), id)
    given.set(`${reference[0]} ${isRemote(reference)}`, reference)
  }
  logs[0].show()
  // Another program may have added rows.
  for (const reference of given.values()) note.add(reference)

  const steps: FoldSteps<IdLog> = {
    insert: (from, place) => void insert.run(from.hashes[place], from.idAt(place)),
    end: () => void moveMark.run(indexedTo),
  }
  const fold = folding(logs, memory.foldAt, () => steps)

  return {
    ...fold,

    /** The id of the attempt that has the reference; undefined if none has. */
    find(reference: Reference): string | undefined {
      const hash = hashOfReference(key, reference)
      const isHolder = (id: string) => isIts.get(id, ...reference) !== undefined
      const recent = newest.all(hash).find(isHolder)
      if (recent !== undefined || inIndex.get(hash) === undefined) return recent
      return allInIndex.all(hash).find(isHolder)
    },

    /** An attempt whose row has the reference now. */
    add(reference: Reference, id: string): void {
      note.add(reference)
      const hash = hashOfReference(key, reference)
      // Some get their reference long after they began. The mark passes them without it.
      if (id <= indexedTo) insert.run(hash, id)
      else {
        const log = fold.current()
        log.add(hash, id)
        // At once: the next attempt of the group may have the same reference. The reader looks at the row.
        log.show()
        fold.added()
      }
    },

    committed(): void {
      const log = fold.current()
      fold.committed()
      if (fold.current() !== log) indexedTo = log.greatest
    },

    reset(): void {
      fold.reset()
      note.reset()
    },
  }
}

function statements(db: Connection) {
  const select = (text: string) => db.prepare<(string | number)[], string>(text).pluck()
  return {
    isIts: select(
      'SELECT 1 FROM attempts WHERE id = ? AND provider = ? AND kind = ? AND provider_reference = ?',
    ),
    inIndex: select('SELECT 1 FROM reference_index WHERE hash = ?'),
    allInIndex: select('SELECT id FROM reference_index WHERE hash = ?'),
  }
}

/** Whether the provider that made it is outside this process. */
const isRemote = ([, kind, reference]: Reference): boolean =>
  kind === 'authorize' && !reference.startsWith('sandbox_')

/** The same in SQL, of an attempt `t`. */
export const IS_REMOTE = `t.kind = 'authorize' AND substr(t.provider_reference, 1, 8) <> 'sandbox_'`

export const NOTE_AGAIN = 'ON CONFLICT DO UPDATE SET remote = max(remote, excluded.remote)'

/** Notes the providers that gave references: a read would need an index by provider. */
function providerNotes(db: Connection) {
  const put = db.prepare(`INSERT INTO referenced_providers (provider, remote) VALUES (?, ?) ${NOTE_AGAIN}`)
  const all = db.prepare<[], [string, number]>('SELECT provider, remote FROM referenced_providers').raw()
  /** By provider, whether it is noted as remote. */
  const noted = new Map(all.all().map(([provider, remote]) => [provider, remote === 1]))
  return {
    add(reference: Reference): void {
      const [provider] = reference
      const [before, remote] = [noted.get(provider), isRemote(reference)]
      if (before === true || before === remote) return
      put.run(provider, remote ? 1 : 0)
      noted.set(provider, remote)
    },
    reset: () => noted.clear(),
  }
}
