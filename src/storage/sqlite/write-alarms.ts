import type { Connection } from './connection.ts'
import type { LedgerCache } from './ledger-cache.ts'
import { ALARM, type Row } from './rows.ts'

/** Alarms, and the counters of those that are open: `alarms_<kind>`, in no currency. */
export function alarmWrites(db: Connection, cache: LedgerCache) {
  const findState = db
    .prepare<unknown[], string>(`SELECT state FROM alarms WHERE account_id = ? AND live = ? AND id = ?`)
    .pluck()
  const insertAlarm = db.prepare(
    `INSERT INTO alarms
       (account_id, live, id, state, in_doubt, message, closed_at, reason, transaction_id, attempt_id, dispute_id,
        kind, provider, said, reference, amount, currency, opened_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const updateAlarm = db.prepare(
    `UPDATE alarms SET state = ?, in_doubt = ?, message = ?, closed_at = ?, reason = ?
     WHERE account_id = ? AND live = ? AND id = ?`,
  )

  return (account: number, live: number, alarm: Row): void => {
    const id = alarm[ALARM.id]
    const before = findState.get(account, live, id)
    if (before === undefined) insertAlarm.run(account, live, ...alarm)
    else updateAlarm.run(...alarm.slice(ALARM.state, ALARM.transactionId), account, live, id)
    const change = Number(alarm[ALARM.state] === 'open') - Number(before === 'open')
    if (change !== 0) cache.count(account, live, `alarms_${alarm[ALARM.kind]}`, '', change)
  }
}
