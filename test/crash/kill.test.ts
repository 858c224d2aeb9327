import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { assertSound } from '../kit/audit.ts'
import { readLists } from '../kit/books.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { charge } from '../kit/http.ts'
import { startReceiver } from '../kit/receiver.ts'
import { CLI, type RunningServer, runCli, serve } from '../kit/server.ts'
import { type Notebook, newNotebook, repeatUnanswered, replayAll, useUntilKilled } from './notebook.ts'

const KILLS = 12
const CONNECTIONS = 64
/** The kill comes at a random time, up to this long after the first response, in ms. */
const MAX_LOAD_MS = 900

test('SIGKILL under load, again and again, loses nothing that was acknowledged and does nothing twice', async (t) => {
  const database = join(folderOf(t), 'kill.db')
  const receiver = await eventReceiver(t)
  const notebook = newNotebook()
  let unanswered = 0

  const start = async (): Promise<RunningServer> => {
    const server = await serve(t, database, receiver.env)
    unanswered += await repeatUnanswered(server.url, notebook)
    return server
  }
  for (let i = 0; i < KILLS; i++) await killUnderLoad(await start(), notebook)
  takeLeasesBack(database)

  const server = await start()
  t.diagnostic(
    `${notebook.charges.length} charges, ${notebook.refunds.length} refunds, ${unanswered} of them unanswered at a kill`,
  )
  assert.ok(unanswered > 0, 'no kill hit a request in flight: the test shows nothing')
  await replayAll(server.url, notebook)
  const transactions = await checkCharges(server.url, notebook)
  const events = await checkEvents(server.url, transactions)
  await checkEntries(server.url, transactions)
  await receiver.waitForAll(events)

  assert.equal(await server.stop(), 0)
  const verified = await runCli(['verify'], { MINIPAY_DATABASE: database })
  assert.equal(
    verified.stdout.replace(/^Head of the hash chains: .*\n/m, ''),
    `The books balance: ${notebook.charges.length} charges, ${notebook.refunds.length} refunds, ${2 * transactions.size} entries.\n`,
  )
  assert.equal(verified.code, 0)
  const db = new Database(database, { readonly: true })
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  db.close()
})

async function killUnderLoad(server: RunningServer, notebook: Notebook): Promise<void> {
  const { promise: firstAnswer, resolve } = Promise.withResolvers<void>()
  const clients = Promise.all(
    Array.from({ length: CONNECTIONS }, () => useUntilKilled(server.url, notebook, resolve)),
  )
  await Promise.race([firstAnswer, clients])
  const moment = setTimeout(() => server.process.kill('SIGKILL'), Math.random() * MAX_LOAD_MS)
  await clients.finally(() => clearTimeout(moment))
  await server.kill()
}

/** A receiver that records the events that it received, and the settings for webhooks to it. */
async function eventReceiver(t: TestContext) {
  const told = new Set<string>()
  let onTold = () => {}
  const receiver = await startReceiver((webhook, response) => {
    told.add(String(webhook.headers['webhook-id']))
    response.end('ok')
    onTold()
  })
  atEnd(t, receiver.close)
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  return {
    env: { WEBHOOK_TARGET: receiver.url, MINIPAY_WEBHOOK_SECRET: secret },
    /** Resolves when every one of the events has arrived at least once. */
    waitForAll(events: ReadonlySet<string>): Promise<void> {
      return new Promise((resolve) => {
        onTold = () => {
          if (events.isSubsetOf(told)) resolve()
        }
        onTold()
      })
    },
  }
}

/**
 * Webhooks that failed are due again after a wait. The test ends the wait now; no process runs.
 */
function takeLeasesBack(database: string): void {
  const db = new Database(database)
  db.prepare('UPDATE webhook_deliveries SET due_at = created_at WHERE due_at IS NOT NULL').run()
  db.close()
}

/** Every recorded charge and refund exists once, as in its response; returns their ids. */
async function checkCharges(url: string, notebook: Notebook): Promise<Set<string>> {
  const { charges, refunds } = await readLists(url, 'charges', 'refunds')
  assert.equal(charges.length, notebook.charges.length, 'one charge a key')
  assert.equal(refunds.length, notebook.refunds.length, 'one refund a key')
  const refundsByKey = new Map(refunds.map((refund) => [refund.idempotency_key, refund]))
  for (const { key, answer } of notebook.refunds) assert.deepEqual(refundsByKey.get(key), answer, key)

  const refunded = new Map(refunds.map((refund) => [refund.id, refund.amount]))
  const chargesByKey = new Map(charges.map((charge) => [charge.idempotency_key, charge]))
  for (const { key, answer } of notebook.charges) {
    const amount = refunded.get(String(answer?.id)) ?? 0
    const status = amount === 0 ? 'succeeded' : 'partially_refunded'
    assert.deepEqual(chargesByKey.get(key), { ...answer, amount_refunded: amount, status }, key)
  }
  return new Set([...charges.map(({ id }) => id), ...refunds.map(({ refund_id }) => refund_id)])
}

/** Each charge and refund has one event, and their numbers have no gap; answers the events' ids. */
async function checkEvents(url: string, transactions: ReadonlySet<string>): Promise<Set<string>> {
  const { events } = await readLists(url, 'events')
  for (const [index, { sequence }] of events.entries()) assert.equal(sequence, index + 1)
  const told = events.map(({ type, data }) =>
    type === 'payment.refunded' ? data.refund?.refund_id : data.id,
  )
  assert.equal(told.length, transactions.size)
  assert.deepEqual(new Set(told), transactions)
  return new Set(events.map(({ id }) => id))
}

/** Each charge and refund has its two entries, which balance, and there are no others. */
async function checkEntries(url: string, transactions: ReadonlySet<string>): Promise<void> {
  const { entries } = await readLists(url, 'entries')
  const byTransaction = Map.groupBy(entries, (entry) => entry.transaction_id)
  assert.deepEqual(new Set(byTransaction.keys()), transactions)
  for (const [id, lines] of byTransaction) {
    assert.equal(lines.length, 2, id)
    assert.equal(lines[0]!.amount + lines[1]!.amount, 0, id)
  }
}

test('SIGKILL while it starts, and makes its schema, leaves a database that the next start can use', async (t) => {
  const database = join(folderOf(t), 'start.db')
  const { PATH } = process.env
  for (let i = 0; i < 6; i++) {
    const child = spawn(process.execPath, [CLI, 'serve', '--port', '0', '--webhook-target', ''], {
      env: { PATH, MINIPAY_DATABASE: database },
      stdio: 'ignore',
    })
    const exited = once(child, 'exit')
    const moment = setTimeout(() => child.kill('SIGKILL'), 60 + Math.random() * 240)
    await exited
    clearTimeout(moment)
  }
  const server = await serve(t, database)
  assert.equal((await charge(server.url, 'one')).status, 201)
  assert.equal(await server.stop(), 0)
  await assertSound(database)
})
