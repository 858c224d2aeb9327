/** Records of idempotency keys whose request made no commit. */
import type { KeyRecord, Scope } from '../../ports/store.ts'
import { KEYS, keyFactsOf } from '../columns.ts'
import { namesOf } from '../table.ts'
import { live } from './rows.ts'
import type { Work } from './statements.ts'

export function keyRecordWork({ once }: Pick<Work, 'once'>) {
  return {
    async addIdempotencyRecord(scope: Scope, record: KeyRecord, at: number): Promise<boolean> {
      const values = [scope.accountId, live(scope), at, ...KEYS.row(keyFactsOf(record))]
      return (await once(ADD, values)).count === 1
    },
  }
}

/** Inserts the record that `source` selects; `values` are the SQL of its columns. */
export function insertRecord(values: readonly string[], at: string, source = ''): string {
  return `INSERT INTO idempotency_keys (account_id, live, ${COLUMNS.join(', ')}, event_seq, created_at)
    SELECT $1::integer, $2::smallint, ${values.join(', ')}, 0, ${at} ${source}
    ON CONFLICT DO NOTHING`
}

const COLUMNS = namesOf(KEYS.columns)
const ADD = insertRecord(
  KEYS.columns.map(({ type }, i) => `$${i + 4}::${type}`),
  '$3::bigint',
)
