import { ALARM_KINDS, type Alarm, type AlarmKind } from '../../domain/alarm.ts'
import type { AlarmQuery, AlarmTotals, Page, Scope } from '../../ports/store.ts'
import { ALARMS } from '../columns.ts'
import { alarmFilters } from '../list-filters.ts'
import { selectList } from '../table.ts'
import { listOf, page, type Sql } from './read-page.ts'
import { live } from './rows.ts'

const ALARM_COLUMNS = selectList(ALARMS)
const LIST = listOf(ALARMS, ALARM_COLUMNS)

/** Alarms: statements of providers that contradict the books. */
export function alarmReads(sql: Sql) {
  return {
    alarm(scope: Scope, id: string): Alarm | undefined {
      const row = sql(`SELECT ${ALARM_COLUMNS} FROM alarms WHERE account_id = ? AND live = ? AND id = ?`).get(
        scope.accountId,
        live(scope),
        id,
      ) as object | undefined
      return row && ALARMS.of(row)
    },

    alarms(scope: Scope, query: AlarmQuery): Page<Alarm> | Promise<Page<Alarm>> {
      return page(sql, LIST, scope, alarmFilters(query), query)
    },

    /** Reads counters, and never the history. */
    alarmTotals(): AlarmTotals {
      const rows = sql(
        `SELECT substr(name, length('alarms_') + 1) AS kind, sum(value) AS value
         FROM counters WHERE name LIKE 'alarms_%' GROUP BY name`,
      ).all() as { kind: AlarmKind; value: number }[]
      const found = new Map(rows.map(({ kind, value }) => [kind, value]))
      const kinds = Object.keys(ALARM_KINDS) as AlarmKind[]
      return Object.fromEntries(kinds.map((kind) => [kind, found.get(kind) ?? 0])) as AlarmTotals
    },
  }
}
