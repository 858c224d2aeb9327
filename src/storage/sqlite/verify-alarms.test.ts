import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before, describe } from 'node:test'
import Database from 'better-sqlite3'
import { alarmOf } from '../../../test/contract/store/alarms.ts'
import { disputed } from '../../../test/contract/store/disputes.ts'
import { commitOf, committed, taken } from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { LIVE_SCOPE as scope } from '../../../test/kit/scopes.ts'
import type { Alarm } from '../../domain/alarm.ts'
import { type Charge, decide } from '../../domain/charge.ts'
import type { Store } from '../../ports/store.ts'
import { openReader } from './open.ts'
import { openSqliteStore } from './store.ts'
import { verify } from './verify.ts'

const folder = tempDir()
const sound = join(folder.path, 'sound.db')
after(() => folder.remove())

/** A charge of 1000 with a dispute of 400, an alarm that is open and one that is closed. */
before(async () => {
  const store = await openSqliteStore({ file: sound, onFatal: assert.fail })
  const { charge: made, attempt } = await taken(store, { scope, amount: 1_000 })
  const { charge, dispute } = await disputed(store, scope, made, 400)
  const open = alarmOf(charge, { kind: 'dispute_mismatch', disputeId: dispute.id })
  const seen = alarmOf(charge, { attemptId: attempt.id })
  const first = await told(store, charge, 'alarm.opened', open)
  const second = await told(store, first, 'alarm.opened', seen)
  const closedAt = seen.openedAt + 1_000
  await told(store, second, 'alarm.closed', { ...seen, ...CLOSED, closedAt })
  await store.close()
})

const CLOSED = { state: 'closed', inDoubt: false, reason: 'Seen.' } as const

/** Commits an alarm with its event, and answers its charge as it became. */
async function told(
  store: Store,
  charge: Charge,
  event: 'alarm.opened' | 'alarm.closed',
  alarm: Alarm,
): Promise<Charge> {
  const made = decide(charge, {}, { alarms: [alarm], event })
  await committed(store, commitOf(made, { scope }, null, alarm.closedAt ?? alarm.openedAt))
  return made.charge
}

function problemAfter(sql: string): string | undefined {
  const copy = join(folder.path, 'tampered.db')
  copyFileSync(sound, copy)
  const writer = new Database(copy)
  writer.pragma('journal_mode = DELETE')
  writer.exec(sql)
  assert.notEqual(writer.prepare('SELECT total_changes()').pluck().get(), 0, 'nothing was tampered with')
  writer.close()
  const reader = openReader(copy)
  try {
    return verify(reader).problem
  } finally {
    reader.close()
  }
}

/** What is done to the database, and what `verify` must say of it. */
const TAMPERINGS: Readonly<Record<string, { sql: string; says: RegExp }>> = {
  "an alarm's charge": {
    sql: `UPDATE alarms SET transaction_id = 'txn_nothing' WHERE state = 'closed'`,
    says: /^The alarm alm_\w+ is of txn_nothing about att_\w+, which is not there\.$/,
  },
  "an alarm's attempt": {
    sql: `UPDATE alarms SET attempt_id = 'att_nothing' WHERE state = 'closed'`,
    says: /^The alarm alm_\w+ is of txn_\w+ about att_nothing, which is not there\.$/,
  },
  "an alarm's dispute": {
    sql: `UPDATE alarms SET dispute_id = 'dp_nothing' WHERE state = 'open'`,
    says: /^The alarm alm_\w+ is of txn_\w+ about dp_nothing, which is not there\.$/,
  },
  'an open alarm that was closed': {
    sql: `UPDATE alarms SET state = 'closed', in_doubt = 0, closed_at = 1, reason = 'x' WHERE state = 'open'`,
    says: /^The counter alarms_dispute_mismatch says 1, but there are 0\.$/,
  },
  'an open alarm that was deleted': {
    sql: `DELETE FROM alarms WHERE state = 'open'`,
    says: /^The counter alarms_dispute_mismatch says 1, but there are 0\.$/,
  },
  "an open alarm's kind": {
    sql: `UPDATE alarms SET kind = 'contradiction' WHERE state = 'open'`,
    says: /^The counter alarms_\w+ says \d, but there are \d\.$/,
  },
  'what of a dispute is booked': {
    sql: 'UPDATE disputes SET amount_booked = 399',
    says: /^The transaction txn_\w+ says 400 is disputed, but its disputes sum to 399\.$/,
  },
  'what of a dispute is booked, with its charge': {
    sql: 'UPDATE disputes SET amount_booked = 399; UPDATE charges SET amount_disputed = 399',
    says: /^The dispute dp_\w+ is open with 399 usd booked, but its transfers book 400 to the merchant\.$/,
  },
}

describe('verify of alarms and disputes', () => {
  test('sound alarms and disputes pass', () => {
    const reader = openReader(sound)
    const { head, ...books } = verify(reader)
    assert.deepEqual(books, { charges: 1, refunds: 0, entries: 4 })
    assert.ok(head)
    reader.close()
  })

  for (const [what, { sql, says }] of Object.entries(TAMPERINGS))
    test(`verify names ${what}`, () => assert.match(problemAfter(sql) ?? 'nothing', says))
})
