import assert from 'node:assert/strict'
import { closeSync, copyFileSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before, describe } from 'node:test'
import Database from 'better-sqlite3'
import { disputeCommit, disputed } from '../../../test/contract/store/disputes.ts'
import {
  beginCommit,
  beginRefundCommit,
  charged,
  committed,
  endCommit,
  followUpCommit,
  NO,
  refunded,
  START,
  succeeded,
  taken,
} from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { call } from '../../../test/kit/http.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import { runCli, startServer } from '../../../test/kit/server.ts'
import { heldEndpoint, recorded, resultOf } from '../../../test/kit/webhooks.ts'
import type { Scope, Store } from '../../ports/store.ts'
import { openReader } from './open.ts'
import { openSqliteStore } from './store.ts'
import { type Verification, verify } from './verify.ts'

const folder = tempDir()
const sound = join(folder.path, 'sound.db')
after(() => folder.remove())

/** Charges in two currencies and modes, a decline, refunds, and deliveries in every state. */
async function soundDatabase(scope = LIVE_SCOPE): Promise<void> {
  const store = await openSqliteStore({ file: sound, onFatal: assert.fail })
  const first = await charged(store, { scope, amount: 1_000 })
  const { charge } = await refunded(store, first, { scope, amount: 300 })
  await refunded(store, charge, { scope, amount: 200 })
  await refunded(store, await charged(store, { scope, amount: 50, currency: 'eur' }), { scope })
  await charged(store, { scope, declined: true })
  await charged(store, { scope: { ...scope, mode: 'test' }, amount: 7 })
  const { endpoint, events } = await heldEndpoint(store, scope, 'mine', 4, { id: 'default', secrets: [] })
  const states = ['delivered', 'failed', 'pending'] as const
  await recorded(store, endpoint, 'mine', {
    position: events[2]?.sequence ?? 0,
    results: events.slice(0, 3).map((event, i) => {
      const state = states[i] ?? assert.fail()
      return resultOf(event, endpoint.id, { state, dueAt: state === 'pending' ? START : null })
    }),
  })
  await remoteCharges(store, { ...scope, mode: 'test' })
  await store.close()
}

/** Charges that pass through a remote provider, one at every point where it can stand, in roubles and of an amount of its own. */
async function remoteCharges(store: Store, scope: Scope): Promise<void> {
  const held = (amount: number) => taken(store, { scope, amount, capture: false, currency: 'rub' })
  const paid = async (amount: number) => (await taken(store, { scope, amount, currency: 'rub' })).charge
  await committed(store, beginCommit({ scope, amount: 2_001, currency: 'rub' }).commit)
  await held(2_002)
  await committed(store, followUpCommit('capture', (await held(2_003)).charge, { scope }).commit)
  const partly = followUpCommit('capture', (await held(2_004)).charge, { scope, amount: 1_004 })
  await committed(store, partly.commit)
  await committed(store, endCommit(partly, succeeded(partly.attempt, 'cap'), { scope }))
  const canceled = followUpCommit('cancel', (await held(2_005)).charge, { scope })
  await committed(store, canceled.commit)
  await committed(store, endCommit(canceled, succeeded(canceled.attempt, 'void'), { scope }))
  const begun = beginRefundCommit(await paid(2_006), { scope, amount: 306 })
  await committed(store, begun.commit)
  const failed = beginRefundCommit(await paid(2_007), { scope, amount: 307 })
  await committed(store, failed.commit)
  await committed(store, endCommit(failed, NO, { scope }))

  await disputed(store, scope, await paid(2_008), 408)
  for (const [status, amount] of [
    ['won', 409],
    ['lost', 410],
  ] as const) {
    const { charge, dispute } = await disputed(store, scope, await paid(1_600 + amount), amount)
    await committed(store, disputeCommit(scope, charge, { ...dispute, status }, dispute))
  }
  const acting = beginCommit({ scope, amount: 2_011, currency: 'rub' })
  await committed(store, acting.commit)
  const pending = { kind: 'pending', reference: 'wait', redirectUrl: 'https://bank.example/' } as const
  await committed(store, endCommit(acting, pending, { scope }))
}

/** What `verify` says of a copy of the sound database after `sql` was done to it. */
function afterTampering(sql: string): Verification {
  const copy = join(folder.path, 'tampered.db')
  copyFileSync(sound, copy)
  const writer = new Database(copy)
  writer.pragma('foreign_keys = OFF')
  writer.pragma('journal_mode = DELETE')
  writer.exec(sql)
  assert.equal(
    writer.prepare('SELECT total_changes()').pluck().get() === 0,
    false,
    'nothing was tampered with',
  )
  writer.close()
  const reader = openReader(copy)
  try {
    return verify(reader)
  } finally {
    reader.close()
  }
}

const FIRST = 'id = (SELECT min(id) FROM charges WHERE live = 1)'
const TRANSFER = 'amount = 1000'

/** What is done to the database, and what `verify` must say of it. */
const TAMPERINGS: Readonly<Record<string, { sql: string; says: RegExp }>> = {
  "an account's balance": {
    sql: `UPDATE ledger_accounts SET balance = balance + 1 WHERE code = 'merchant' AND currency = 'eur'`,
    says: /^The account merchant \(eur\) says 1, but its entries sum to 0\.$/,
  },
  "a transfer's amount": {
    sql: `UPDATE ledger_transfers SET amount = 999 WHERE ${TRANSFER}`,
    says: /^The transaction txn_\w+ captured 1000 usd, but its transfers book -999 to the merchant\.$/,
  },
  'a deleted transfer': {
    sql: `DELETE FROM ledger_transfers WHERE ${TRANSFER}`,
    says: /^The transaction txn_\w+ captured 1000 usd, but its transfers book nothing to the merchant\.$/,
  },
  'a transfer and balances changed alike': {
    sql: `UPDATE ledger_transfers SET amount = amount * 2 WHERE amount = 7;
      UPDATE ledger_accounts SET balance = balance * 2 WHERE live = 0 AND currency = 'usd'`,
    says: /^The transaction txn_\w+ captured 7 usd, but its transfers book -14 to the merchant\.$/,
  },
  "a refund's transfer and balances changed alike": {
    sql: `UPDATE ledger_transfers SET amount = amount * 2 WHERE amount = 200;
      UPDATE ledger_accounts SET balance = balance + CASE code WHEN 'merchant' THEN 200 ELSE -200 END
        WHERE live = 1 AND currency = 'usd'`,
    says: /^The refund re_\w+ of 200 usd is partially_refunded, but its transfers book 400 to the merchant\.$/,
  },
  'a transfer of nothing': {
    sql: `UPDATE ledger_transfers SET transaction_id = 'txn_nothing' WHERE amount = 200`,
    says: /^The refund re_\w+ of 200 usd is partially_refunded, but its transfers book nothing to the merchant\.$/,
  },
  'a transfer from an account that is not there': {
    sql: `UPDATE ledger_transfers SET credit_account_id = 999 WHERE ${TRANSFER}`,
    says: /^An account of the transfer \d+ of txn_\w+ is not there, or of another owner\.$/,
  },
  'the amount_refunded of a charge': {
    sql: `UPDATE charges SET amount_refunded = 501 WHERE ${FIRST}`,
    says: /^The transaction txn_\w+ of 1000 says 501 is refunded, but its refunds sum to 500\.$/,
  },
  "a charge's amount": {
    sql: `UPDATE charges SET amount = 2000 WHERE ${FIRST}`,
    says: /^The transaction txn_\w+ is partially_refunded, with 1000 of 2000 captured and 500 refunded\.$/,
  },
  "a refund's amount": {
    sql: `UPDATE refunds SET amount = 301 WHERE amount = 300`,
    says: /^The transaction txn_\w+ of 1000 says 500 is refunded, but its refunds sum to 501\.$/,
  },
  'refunds past the charge': {
    sql: `UPDATE refunds SET amount = 900 WHERE amount = 300`,
    says: /^The transaction txn_\w+ of 1000 says 500 is refunded, but its refunds sum to 1100\.$/,
  },
  "a refund's charge": {
    sql: `UPDATE refunds SET transaction_id = 'txn_nothing' WHERE status = 'failed'`,
    says: /^The refund re_\w+ belongs to txn_nothing, which is not there in its currency\.$/,
  },
  "a refund's currency": {
    sql: `UPDATE refunds SET currency = 'jpy' WHERE amount = 300`,
    says: /^The refund re_\w+ /,
  },
  "a charge's status": {
    sql: `UPDATE charges SET status = 'refunded' WHERE ${FIRST}`,
    says: /^The transaction txn_\w+ is refunded, with 1000 of 1000 captured and 500 refunded\.$/,
  },
  "a decline's status": {
    sql: `UPDATE charges SET status = 'succeeded' WHERE status = 'failed'`,
    says: /^The transaction txn_\w+ is succeeded, with 0 of 1000 captured and 0 refunded\.$/,
  },
  'a deleted event': {
    sql: `DELETE FROM events WHERE live = 1 AND seq = 2`,
    says: /^The events have a gap: after 1 comes 3\.$/,
  },
  'the last event deleted': {
    sql: `DELETE FROM events WHERE live = 1 AND seq = 10`,
    says: /^The idempotency record \d+ names event 10, which is not there\.$/,
  },
  'a renumbered transfer': {
    sql: `UPDATE ledger_transfers SET seq = seq + 1000 WHERE live = 1 AND seq = 2`,
    says: /^The transfers have a gap: the last is \d{4}, and there are \d+ with \d+ numbers\.$/,
  },
  'two transfers of one number': {
    sql: `UPDATE ledger_transfers SET seq = 1 WHERE amount = 200`,
    says: /^The transfers have a gap: the last is (\d+), and there are \1 with \d+ numbers\.$/,
  },
  'events of one id': {
    sql: `UPDATE events SET id = 'evt_x' WHERE live = 1 AND seq < 4`,
    says: /^There are 3 events evt_x\.$/,
  },
  'a counter of charges': {
    sql: `UPDATE counters SET value = value + 1 WHERE name = 'charges_succeeded' AND currency = 'eur'`,
    says: /^The counter charges_succeeded eur says 2, but there are 1\.$/,
  },
  'a counter deleted': {
    sql: `DELETE FROM counters WHERE name = 'refunds' AND currency = 'usd'`,
    says: /^The counter refunds usd says 0, but there are 2\.$/,
  },
  'a counter of deliveries': {
    sql: `UPDATE counters SET value = 0 WHERE name = 'deliveries_pending'`,
    says: /^The counter deliveries_pending says 0, but there are 1\.$/,
  },
  "a delivery's state": {
    sql: `UPDATE webhook_deliveries SET state = 'delivered' WHERE state = 'failed'`,
    says: /^The counter deliveries_\w+ says \d, but there are \d\.$/,
  },
}

/** The same of what passes through a remote provider; the amounts tell which of `remoteCharges` is meant. */
const REMOTE_TAMPERINGS: typeof TAMPERINGS = {
  'what was captured of a charge': {
    sql: `UPDATE charges SET amount_captured = 1005 WHERE amount = 2004`,
    says: /^The transaction txn_\w+ captured 1005 rub, but its transfers book -1004 to the merchant\.$/,
  },
  'a capture of more than was authorized': {
    sql: `UPDATE charges SET amount_captured = 2005 WHERE amount = 2004`,
    says: /^The transaction txn_\w+ is succeeded, with 2005 of 2004 captured and 0 refunded\.$/,
  },
  'a pending refund that its charge forgot': {
    sql: `UPDATE charges SET amount_refund_pending = 0 WHERE amount = 2006`,
    says: /^The transaction txn_\w+ says 0 is being refunded, but its refunds sum to 306\.$/,
  },
  'a pending refund that was called failed': {
    sql: `UPDATE refunds SET status = 'failed' WHERE amount = 306;
      UPDATE charges SET amount_refund_pending = 0 WHERE amount = 2006`,
    says: /^The refund re_\w+ of 306 rub is failed, but its transfers book 306 to the merchant\.$/,
  },
  'a failed refund that was called pending': {
    sql: `UPDATE refunds SET status = 'processing' WHERE amount = 307;
      UPDATE charges SET amount_refund_pending = 307 WHERE amount = 2007`,
    says: /^The refund re_\w+ of 307 rub is processing, but its transfers book 0 to the merchant\.$/,
  },
  'a dispute that its charge forgot': {
    sql: `UPDATE charges SET amount_disputed = 0 WHERE amount = 2008`,
    says: /^The transaction txn_\w+ says 0 is disputed, but its disputes sum to 408\.$/,
  },
  'an open dispute that was called won': {
    sql: `UPDATE disputes SET status = 'won', amount_booked = 0 WHERE amount = 408;
      UPDATE charges SET amount_disputed = 0 WHERE amount = 2008`,
    says: /^The dispute dp_\w+ is won with 0 rub booked, but its transfers book 408 to the merchant\.$/,
  },
  'an open dispute that was called lost': {
    sql: `UPDATE disputes SET status = 'lost' WHERE amount = 408`,
    says: /^dp_\w+ should have 0 in disputes:bank_a, but its entries there sum to -408\.$/,
  },
  'a held charge that was called canceled': {
    sql: `UPDATE charges SET status = 'canceled' WHERE amount = 2002`,
    says: /^txn_\w+ should have 0 in (authorized:bank_a|uncaptured), but its entries there sum to -?2002\.$/,
  },
  'a canceled charge that was called held': {
    sql: `UPDATE charges SET status = 'authorized' WHERE amount = 2005`,
    says: /^txn_\w+ should have 2005 in authorized:bank_a, but its entries there sum to 0\.$/,
  },
  'a held charge at another provider': {
    sql: `UPDATE charges SET provider = 'bank_b' WHERE amount = 2002`,
    says: /^txn_\w+ should have 2002 in authorized:bank_b, but its entries there sum to 0\.$/,
  },
  'a capture that ended with its money reserved': {
    sql: `UPDATE attempts SET state = 'declined' WHERE kind = 'capture' AND amount = 2003`,
    says: /^txn_\w+ should have 0 in (authorized:bank_a|capturing), but its entries there sum to -?2003\.$/,
  },
  'a charge that nobody works on': {
    sql: `UPDATE attempts SET state = 'declined' WHERE amount = 2001`,
    says: /^The transaction txn_\w+ is processing, but no attempt of it is open\.$/,
  },
  'a charge that waits for its customer alone': {
    sql: `UPDATE attempts SET state = 'declined' WHERE amount = 2011`,
    says: /^The transaction txn_\w+ is requires_action, but no attempt of it is open\.$/,
  },
  'a refund that nobody works on': {
    sql: `UPDATE attempts SET state = 'declined' WHERE amount = 306`,
    says: /^The refund re_\w+ is processing, but no attempt of it is open\.$/,
  },
  'an open attempt of a charge that has ended': {
    sql: `UPDATE attempts SET state = 'pending' WHERE amount = 2008`,
    says: /^The attempt att_\w+ is pending, but txn_\w+ is succeeded\.$/,
  },
  'an open attempt of a refund that has ended': {
    sql: `UPDATE attempts SET state = 'unknown', unknown_since = 1 WHERE amount = 307`,
    says: /^The attempt att_\w+ is unknown, but re_\w+ is failed\.$/,
  },
  "an attempt's charge": {
    sql: `UPDATE attempts SET transaction_id = 'txn_nothing' WHERE amount = 2008`,
    says: /^The attempt att_\w+ belongs to txn_nothing, which is not there in its currency\.$/,
  },
  "an attempt's refund": {
    sql: `UPDATE attempts SET refund_id = 're_nothing' WHERE amount = 307`,
    says: /^The attempt att_\w+ belongs to re_nothing, which is not there in its currency\.$/,
  },
  "a dispute's charge": {
    sql: `UPDATE disputes SET transaction_id = 'txn_nothing' WHERE status = 'won'`,
    says: /^The dispute dp_\w+ belongs to txn_nothing, which is not there\.$/,
  },
  'a counter of attempts': {
    sql: `UPDATE counters SET value = value + 1 WHERE name = 'attempts_sending'`,
    says: /^The counter attempts_sending says 4, but there are 3\.$/,
  },
  "an attempt's state": {
    sql: `UPDATE attempts SET state = 'not_sent' WHERE state = 'declined'`,
    says: /^The counter attempts_\w+ says \d, but there are \d\.$/,
  },
  "an event's type": {
    sql: `UPDATE events SET type = 'payment.failed' WHERE live = 1 AND seq = 1`,
    says: /^The counters charges_\w+ say \d, but \d events tell of one\.$/,
  },
  'the end of a key without an event': {
    sql: `UPDATE idempotency_keys SET ending = 'created' WHERE event_seq = 0`,
    says: /^The idempotency record \d+ names event 0, which is not there\.$/,
  },
}

describe('verify', () => {
  before(() => soundDatabase())

  test('a sound database passes, and is counted', () => {
    const reader = openReader(sound)
    const { head = '', ...books } = verify(reader)
    assert.deepEqual(books, { charges: 19, refunds: 5, entries: 66 })
    assert.match(head, /^mph1_1t24\./)
    reader.close()
  })

  for (const [what, { sql, says }] of Object.entries({ ...TAMPERINGS, ...REMOTE_TAMPERINGS }))
    test(`verify names ${what}`, () => assert.match(afterTampering(sql).problem ?? 'nothing', says))

  test('a damaged file is named, not read past', () => {
    const db = new Database(sound, { readonly: true })
    const { root, size } = db
      .prepare(`SELECT rootpage AS root, (SELECT page_size FROM pragma_page_size) AS size
        FROM sqlite_master WHERE name = 'refunds_by_customer'`)
      .get() as { root: number; size: number }
    db.close()
    const copy = join(folder.path, 'damaged.db')
    copyFileSync(sound, copy)
    const file = openSync(copy, 'r+')
    writeSync(file, Buffer.alloc(size, 0xff), 0, size, (root - 1) * size)
    closeSync(file)
    const reader = openReader(copy)
    assert.match(verify(reader).problem ?? 'nothing', /^SQLite finds the file damaged: /)
    reader.close()
  })
})

describe('minipay verify', () => {
  test('minipay verify exits 0 on sound books, and otherwise prints the problem and exits 1', async () => {
    const good = await runCli(['verify'], { MINIPAY_DATABASE: sound })
    const stdout = 'The books balance: 19 charges, 5 refunds, 66 entries.\n'
    const books = good.stdout.replace(/^Head of the hash chains: mph1_\S+\n$/m, '')
    assert.deepEqual({ ...good, stdout: books }, { code: 0, stdout, stderr: '' })
    afterTampering(TAMPERINGS["an account's balance"]?.sql ?? '')
    const bad = await runCli(['verify'], { MINIPAY_DATABASE: join(folder.path, 'tampered.db') })
    assert.deepEqual(bad, {
      code: 1,
      stdout: '',
      stderr: 'minipay: The account merchant (eur) says 1, but its entries sum to 0.\n',
    })
  })

  test('a database that is not there is named and not made', async () => {
    const { code, stderr } = await runCli(['verify', '--database', join(folder.path, 'no.db')])
    assert.equal(code, 1)
    assert.match(stderr, /^minipay: There is no database .*no\.db\.\n$/)
  })

  test('minipay verify works beside a running server, under load', async (t) => {
    const file = join(folder.path, 'served.db')
    const server = await startServer(file)
    t.after(() => server.kill())
    const refundedCharge = async () => {
      const body = { amount: 9, currency: 'usd', customer: 'c' }
      const made = await call<{ id: string }>(server.url, 'POST', '/api/v1/charges', body)
      assert.equal(made.status, 201)
      await call(server.url, 'POST', '/api/v1/refunds', { transaction_id: made.body.id, amount: 4 })
    }
    await refundedCharge()
    let loading = true
    const client = async () => {
      while (loading) await refundedCharge()
    }
    const clients = Promise.all([client(), client(), client(), client()])
    for (let i = 0; i < 2; i++) {
      const { code, stdout, stderr } = await runCli(['verify'], { MINIPAY_DATABASE: file })
      assert.deepEqual([code, stderr], [0, ''])
      assert.match(stdout, /^The books balance: [1-9]/)
    }
    loading = false
    await clients
    assert.equal(await server.stop(), 0)
  })
})
