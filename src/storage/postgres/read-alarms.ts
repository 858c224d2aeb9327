import { ALARM_KINDS, type Alarm, type AlarmKind } from '../../domain/alarm.ts'
import type { AlarmQuery, AlarmTotals, Page, Scope } from '../../ports/store.ts'
import { ALARMS } from '../columns.ts'
import { alarmFilters } from '../list-filters.ts'
import { selectList } from '../table.ts'
import { listOf } from './read-page.ts'
import { live } from './rows.ts'
import { searchPage } from './search-page.ts'
import type { Sql } from './statements.ts'

const LIST = listOf(ALARMS)

/** Alarms: statements of providers that contradict the books. */
export function alarmReads(sql: Sql) {
  return {
    async alarm(scope: Scope, id: string): Promise<Alarm | undefined> {
      const { rows } = await sql(FIND_ALARM, [scope.accountId, live(scope), id])
      return rows[0] && ALARMS.of(rows[0])
    },

    alarms: (scope: Scope, query: AlarmQuery): Promise<Page<Alarm>> =>
      searchPage(sql, LIST, scope, alarmFilters(query), query),

    /** Reads counters, and never the history. */
    async alarmTotals(): Promise<AlarmTotals> {
      const { rows } = await sql(TOTALS, [])
      const found = new Map(rows.map((row) => [row['kind'] as string, row['value'] as number]))
      const kinds = Object.keys(ALARM_KINDS) as AlarmKind[]
      return Object.fromEntries(kinds.map((kind) => [kind, found.get(kind) ?? 0])) as AlarmTotals
    },
  }
}

const FIND_ALARM = `SELECT ${selectList(ALARMS)} FROM alarms WHERE account_id = $1 AND live = $2 AND id = $3`

const TOTALS = `
  SELECT substr(name, length('alarms_') + 1) AS kind, sum(value)::bigint AS value
  FROM counters WHERE name LIKE 'alarms_%' GROUP BY name`
