/** Replays against the audit log, which records the start of each in the same transaction. */
import { canonicalJson } from '../../domain/idempotency.ts'
import type { Json, Row } from './aggregate.ts'

export const STARTED_REPLAYS = () =>
  'SELECT id, endpoint, kind, types, error, from_seq, to_seq, total FROM webhook_replays ORDER BY account_id, live, id'

const number = (value: unknown) => (value === null ? null : Number(value))

/** What a replay was started for, as its entry has it; one of a former version has no total. */
function factsOf(row: Row, logged: Json): Json {
  const { endpoint, kind, types, error, from_seq: from, to_seq: to, total } = row
  return {
    ...{ endpoint, kind, event_types: types === null ? null : JSON.parse(String(types)) },
    ...(error !== null && { last_error: error }),
    ...{ after_sequence: number(from), to_sequence: number(to), status: logged['status'] },
    ...('total' in logged && { total: number(total) }),
  }
}

/** The first replay that has other facts than its entry, as a sentence. */
export function replayProblem(rows: readonly Row[], started: ReadonlyMap<unknown, Json>): string | undefined {
  const changed = rows.find((row) => {
    const logged = started.get(row['id'])
    return logged && canonicalJson(factsOf(row, logged)) !== canonicalJson(logged)
  })
  return changed && `The replay ${changed['id']} is not as the audit log says.`
}
