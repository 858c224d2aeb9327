/** What `verify` checks of the index of provider references. */
import type { Connection } from './connection.ts'
import { changeTemporary } from './long-texts.ts'
import { IS_REMOTE, REFERENCE_HASH, REFERENCED } from './reference-index.ts'

/** The places of references: those of the index, and those of the attempts behind the mark. */
const PLACES = [
  'CREATE TEMP TABLE reference_places (hash INTEGER, id TEXT, PRIMARY KEY (hash, id)) WITHOUT ROWID',
  `INSERT INTO reference_places
   SELECT hash, id FROM reference_index
   UNION
   SELECT ${REFERENCE_HASH}, t.id FROM main.attempts t, reference_index_state s
   WHERE t.id > s.indexed_to AND ${REFERENCED} ORDER BY 1, 2`,
]

const MISSING = `SELECT t.id FROM main.attempts t, reference_index_state s
  WHERE t.id <= s.indexed_to AND ${REFERENCED}
    AND NOT EXISTS (SELECT 1 FROM reference_index i WHERE i.hash = ${REFERENCE_HASH} AND i.id = t.id) LIMIT 1`

/** An attempt may have had another reference before: then it has two entries. */
const STRAY = `SELECT i.id FROM reference_index i
  WHERE NOT EXISTS (SELECT 1 FROM main.attempts t WHERE t.id = i.id AND ${REFERENCED}) LIMIT 1`

const TWIN = `SELECT t.id FROM temp.reference_places p
  JOIN temp.reference_places o ON o.hash = p.hash AND o.id < p.id
  JOIN main.attempts t ON t.id = p.id
  JOIN main.attempts other ON other.id = o.id AND other.provider = t.provider AND other.kind = t.kind
    AND other.provider_reference = t.provider_reference
  WHERE ${REFERENCED} LIMIT 1`

const NOT_NOTED = `SELECT t.provider FROM main.attempts t, reference_index_state s
  WHERE t.id <= s.indexed_to AND ${REFERENCED} AND NOT EXISTS (
    SELECT 1 FROM referenced_providers p WHERE p.provider = t.provider AND p.remote >= (${IS_REMOTE})) LIMIT 1`

/** The first problem of the index, as a sentence; only where `hash_in_scope` is defined. */
export function referenceIndexProblem(db: Connection): string | undefined {
  const first = (text: string) => db.prepare<[], string>(text).pluck().get()
  const missing = first(MISSING)
  if (missing !== undefined) return `The attempt ${missing} is not in the index of provider references.`
  const stray = first(STRAY)
  if (stray !== undefined)
    return `The index of provider references has an entry of the attempt ${stray}, which has no reference.`
  const provider = first(NOT_NOTED)
  if (provider !== undefined) return `The provider ${provider} is not among those that gave references.`
  changeTemporary(db, PLACES)
  try {
    const twin = first(TWIN)
    return twin === undefined ? undefined : `The attempt ${twin} has the provider reference of another.`
  } finally {
    changeTemporary(db, ['DROP TABLE temp.reference_places'])
  }
}
