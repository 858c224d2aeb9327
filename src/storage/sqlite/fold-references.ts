import type { Connection } from './connection.ts'
import { CHUNK, defineHash, type FoldOptions, LONG, type OnFold } from './fold-keys.ts'
import { IS_REMOTE, NOTE_AGAIN, REFERENCE_HASH, REFERENCED, referencesIndexedTo } from './reference-index.ts'

/**
 * Folds the attempts that are not in the index of references, if they are too many for a writer's memory: as
 * `foldLongTail` does with keys.
 */
export function foldLongReferences(
  db: Connection,
  onFold?: OnFold,
  { chunk = CHUNK, long = LONG }: FoldOptions = {},
): void {
  const nth = db
    .prepare<[string, number], string>(
      `SELECT t.id FROM attempts t WHERE t.id > ? AND ${REFERENCED} ORDER BY t.id LIMIT 1 OFFSET ?`,
    )
    .pluck()
  let indexedTo = referencesIndexedTo(db)
  if (nth.get(indexedTo, long) === undefined) return
  defineHash(db)
  const insert = db.prepare(
    `INSERT INTO reference_index (hash, id)
     SELECT ${REFERENCE_HASH}, t.id FROM attempts t WHERE t.id > ? AND t.id <= ? AND ${REFERENCED} ORDER BY 1, 2
     ON CONFLICT DO NOTHING`,
  )
  const note = db.prepare(
    `INSERT INTO referenced_providers (provider, remote)
     SELECT t.provider, max(${IS_REMOTE}) FROM attempts t WHERE t.id > ? AND t.id <= ? AND ${REFERENCED} GROUP BY 1
     ${NOTE_AGAIN}`,
  )
  const move = db.prepare('UPDATE reference_index_state SET indexed_to = ? WHERE id = 1')
  const count = db
    .prepare<[string], number>(`SELECT count(*) FROM attempts t WHERE t.id <= ? AND ${REFERENCED}`)
    .pluck()
  const last = db.prepare<[], string>('SELECT max(id) FROM attempts').pluck().get() as string
  const all = count.get(last) as number
  let done = count.get(indexedTo) as number
  const fold = db.transaction((to: string) => {
    done += insert.run(indexedTo, to).changes
    note.run(indexedTo, to)
    move.run(to)
  })
  while (indexedTo < last) {
    const to = nth.get(indexedTo, chunk - 1) ?? last
    fold.immediate(to)
    indexedTo = to
    onFold?.('references', Math.min(done, all), all)
  }
}
