import { ALARMS } from '../columns.ts'
import type { Connection } from './connection.ts'
import type { LedgerCache } from './ledger-cache.ts'
import { insertRow, updateRow } from './row-statements.ts'
import type { Row } from './rows.ts'

/** Alarms, and the counters of open ones: `alarms_<kind>`, without a currency. */
export function alarmWrites(db: Connection, cache: LedgerCache) {
  const { at, changesOf } = ALARMS
  const findState = db
    .prepare<unknown[], string>(`SELECT state FROM alarms WHERE account_id = ? AND live = ? AND id = ?`)
    .pluck()
  const insertAlarm = db.prepare(insertRow(ALARMS))
  const updateAlarm = db.prepare(updateRow(ALARMS))

  return (account: number, live: number, alarm: Row): void => {
    const id = alarm[at.id]
    const before = findState.get(account, live, id)
    if (before === undefined) insertAlarm.run(account, live, ...alarm)
    else updateAlarm.run(...changesOf(alarm), account, live, id)
    const change = Number(alarm[at.state] === 'open') - Number(before === 'open')
    if (change !== 0) cache.count(account, live, `alarms_${alarm[at.kind]}`, '', change)
  }
}
