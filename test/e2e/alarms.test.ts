/** Alarms as operators meet them: listed, shown, closed with a reason, told as events and webhooks, and measured. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ALARM_KINDS, type Alarm as StoredAlarm } from '../../src/domain/alarm.ts'
import { KEYLESS_SCOPE as scope } from '../../src/ports/store.ts'
import { engineOf } from '../../src/storage/engine.ts'
import { alarmOf, alarmsCommit } from '../contract/store/alarms.ts'
import { assertSound } from '../kit/audit.ts'
import {
  type Alarm,
  all,
  type Client,
  client,
  type ErrorAnswer,
  eventsAfter,
  type Page,
} from '../kit/client.ts'
import { committed, taken } from '../kit/commits.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { onEngine, type RunningServer, runCli, startServer } from '../kit/server.ts'

let dir: TempDir
let server: RunningServer
let receiver: Receiver
let api: Client
/** Stored before the server starts, one for each test to close; the charge of the first has two. */
const alarms: StoredAlarm[] = []

before(async () => {
  dir = tempDir()
  const file = `${dir.path}/minipay.db`
  const database = await onEngine(file)
  const engine = await engineOf(database)
  const store = await engine.open({
    onGroup() {},
    onFatal: assert.fail,
    log: { info() {}, warn() {}, error() {} },
  })
  for (let i = 0; i < 6; i++) {
    const { charge } = await taken(store, { scope, amount: 1_000 })
    const own = alarmOf(charge, { kind: i === 5 ? 'contradiction' : 'amount_mismatch' })
    const more = i === 0 ? [alarmOf(charge, { kind: 'reference_reused', inDoubt: false })] : []
    await committed(store, alarmsCommit(scope, charge, [own, ...more]))
    alarms.push(own, ...more)
  }
  await store.close()
  receiver = await startReceiver()
  server = await startServer(file, { WEBHOOK_TARGET: receiver.url, MINIPAY_PROVIDERS: 'sandbox' })
  api = client(server.url)
})
after(async () => {
  await server?.kill()
  await receiver?.close()
  dir?.remove()
})

/** The next alarm that no other test has closed. */
let next = 1
const unused = () => alarms[++next] ?? assert.fail('every alarm was used')
const close = <T = Alarm>(id: string, body: object, headers: Record<string, string> = {}) =>
  api.post<T>(`/api/v1/alarms/${id}/close`, body, headers)
const openOnes = () => all<Alarm>(api, '/api/v1/alarms?status=open')
const cli = (...words: string[]) => runCli(['alarms', ...words], { MINIPAY_SERVER: server.url })

async function gauge(): Promise<Record<string, number>> {
  const { body } = await call<string>(server.url, 'GET', '/metrics', undefined, { accept: 'text/plain' })
  const found = [...body.matchAll(/^minipay_alarms_open\{kind="(\w+)"\} (\d+)$/gm)]
  return Object.fromEntries(found.map(([, kind = '', count]) => [kind, Number(count)]))
}

describe('alarms', () => {
  test('an alarm is shown as the provider said it, and listed by charge and by whether it is open', async () => {
    const [first, second] = alarms as [StoredAlarm, StoredAlarm]
    const { status, body } = await api.get<Alarm>(`/api/v1/alarms/${first.id}`)
    assert.equal(status, 200)
    const { attemptId, disputeId, reference, openedAt, chargeId, closedAt, ...same } = first
    const { state, inDoubt, ...rest } = same
    assert.deepEqual(body, {
      ...rest,
      ...{ transaction_id: chargeId, attempt_id: attemptId, dispute_id: disputeId },
      ...{ provider_reference: reference, status: state, in_doubt: inDoubt, closed_at: closedAt },
      opened_at: new Date(openedAt).toISOString(),
    })
    const ids = async (query: string) => (await all<Alarm>(api, `/api/v1/alarms${query}`)).map(({ id }) => id)
    assert.deepEqual(await ids(''), alarms.map(({ id }) => id).toReversed())
    assert.deepEqual(await ids(`?transaction_id=${chargeId}`), [second.id, first.id])
    assert.deepEqual(await ids(`?transaction_id=${chargeId}&status=closed`), [])
    const page = await api.get<Page<Alarm>>('/api/v1/alarms?limit=2&status=open')
    assert.deepEqual([page.body.data.length, page.body.has_more], [2, true])
  })

  test('an alarm is closed with a reason: shown, sent as an event and a webhook, and no longer counted', async () => {
    const { id, chargeId } = unused()
    const before = await gauge()
    const known = await eventsAfter(api)
    const { status, body } = await close(id, { reason: 'The customer was refunded at the dashboard.' })
    assert.equal(status, 200)
    assert.deepEqual(
      [body.id, body.status, body.in_doubt, body.reason],
      [id, 'closed', false, 'The customer was refunded at the dashboard.'],
    )
    assert.ok(body.closed_at !== null)
    assert.deepEqual((await api.get(`/api/v1/alarms/${id}`)).body, body)
    assert.ok(!(await openOnes()).some((alarm) => alarm.id === id))
    const [event, ...others] = await eventsAfter(api, known.at(-1)?.sequence ?? 0)
    assert.deepEqual(
      [event?.type, event?.data.id, event?.data.alarm, others],
      [...['alarm.closed', chargeId], ...[body, []]],
    )
    assert.deepEqual(await gauge(), { ...before, amount_mismatch: before['amount_mismatch']! - 1 })
    await receiver.waitFor(1)
    const webhook = receiver.received[0]
    assert.equal(webhook?.headers['x-webhook-event'], 'alarm.closed')
    const told = JSON.parse(webhook?.body ?? '') as Record<string, unknown>
    assert.deepEqual([told['id'], told['alarm_id'], told['alarm_kind']], [chargeId, id, 'amount_mismatch'])
  })

  test('an alarm that is closed is not closed again, and keeps its reason', async () => {
    const { id } = unused()
    const [first, second] = await Promise.all(['One.', 'Two.'].map((reason) => close<Alarm>(id, { reason })))
    assert.deepEqual([first?.status, second?.status].sort(), [200, 409])
    const refused = await close<ErrorAnswer>(id, { reason: 'Three.' })
    assert.deepEqual([refused.status, refused.body.code], [409, 'alarm_not_open'])
    const won = first?.status === 200 ? first : second
    assert.deepEqual((await api.get(`/api/v1/alarms/${id}`)).body, won?.body)
  })

  test('the same key closes an alarm once, and gets the same response again', async () => {
    const { id } = unused()
    const key = { 'idempotency-key': `close-${id}` }
    const first = await close(id, { reason: 'I looked.' }, key)
    assert.equal(first.status, 200)
    const again = await close(id, { reason: 'I looked.' }, key)
    assert.deepEqual([again.status, again.body], [200, first.body])
    assert.equal(again.headers.get('idempotent-replayed'), 'true')
    const other = await close<ErrorAnswer>(id, { reason: 'I looked twice.' }, key)
    assert.deepEqual([other.status, other.body.code], [422, 'idempotency_key_reused'])
  })

  test('what names no alarm, or closes one badly, is refused and closes nothing', async () => {
    const [{ id } = assert.fail()] = await openOnes()
    const wrong: [string, unknown, number, string, string?][] = [
      ['alm_nothing', { reason: 'I looked.' }, 404, 'alarm_not_found', 'id'],
      [id, {}, 400, 'parameter_missing', 'reason'],
      [id, { reason: '' }, 400, 'parameter_invalid', 'reason'],
      [id, { reason: 'x'.repeat(501) }, 400, 'parameter_invalid', 'reason'],
      [id, { reason: 'I looked.', note: 'x' }, 400, 'parameter_unknown', 'note'],
      [id, { reason: 'I looked.', amount: -1 }, 400, 'amount_invalid', 'amount'],
      [id, { reason: 'I looked.', amount: 1.5 }, 400, 'amount_invalid', 'amount'],
      [id, { reason: 'Card 4242424242424242' }, 400, 'card_number_refused', 'reason'],
    ]
    for (const [name, body, status, code, param] of wrong) {
      const answer = await api.post<ErrorAnswer>(`/api/v1/alarms/${name}/close`, body)
      assert.deepEqual([answer.status, answer.body.code, answer.body.param], [status, code, param], code)
    }
    const missing = await api.get<ErrorAnswer>('/api/v1/alarms/alm_nothing')
    assert.deepEqual([missing.status, missing.body.code], [404, 'alarm_not_found'])
    for (const query of ['status=unknown', 'limit=0', 'kind=contradiction', 'starting_after=alm_nothing'])
      assert.equal((await api.get(`/api/v1/alarms?${query}`)).status, 400, query)
    assert.equal((await api.get<Alarm>(`/api/v1/alarms/${id}`)).body.status, 'open')
  })

  test('an amount is refused where nothing can be booked with it', async () => {
    const { id } = alarms.find(({ kind }) => kind === 'contradiction') ?? assert.fail()
    const refused = await close<ErrorAnswer>(id, { reason: 'I looked.', amount: 1 })
    assert.deepEqual(
      [refused.status, refused.body.code, refused.body.param],
      [400, 'parameter_invalid', 'amount'],
    )
    assert.equal((await api.get<Alarm>(`/api/v1/alarms/${id}`)).body.status, 'open')
  })

  test('`minipay alarms` lists those that are open, and closes one with a reason', async () => {
    const open = await openOnes()
    const listed = await cli()
    assert.equal(listed.code, 0, listed.stderr)
    assert.deepEqual(
      listed.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
      open.map(({ id }) => id),
    )
    assert.match(listed.stderr, /minipay alarms close ID REASON/)
    const { id, message } = open.find(({ in_doubt }) => in_doubt) ?? assert.fail()
    assert.ok(listed.stdout.includes(message) && listed.stdout.includes('no money moves'))
    const closing = await cli('close', id, 'I looked at the dashboard.')
    assert.equal(closing.code, 0, closing.stderr)
    assert.match(closing.stdout, new RegExp(`^${id} +closed .*I looked at the dashboard\\.`))
    assert.equal((await api.get<Alarm>(`/api/v1/alarms/${id}`)).body.reason, 'I looked at the dashboard.')
    const again = await cli('close', id, 'I looked.')
    assert.deepEqual([again.code, again.stderr], [1, 'minipay: The alarm is already closed.\n'])
    for (const words of [['close'], ['close', id], ['close', id, 'I', 'looked'], ['reopen', id]]) {
      const { code, stderr } = await cli(...words)
      assert.deepEqual(
        [code, stderr.startsWith('minipay: Usage: minipay alarms')],
        [2, true],
        words.join(' '),
      )
    }
  })

  test('alarms are the same after a restart, and a gauge counts those that are open', async () => {
    const before = await all<Alarm>(api, '/api/v1/alarms')
    const open = before.filter(({ status }) => status === 'open')
    await server.kill()
    server = await startServer(server.database, {
      WEBHOOK_TARGET: receiver.url,
      MINIPAY_PROVIDERS: 'sandbox',
    })
    api = client(server.url)
    assert.deepEqual(await all<Alarm>(api, '/api/v1/alarms'), before)
    const kinds = Object.keys(ALARM_KINDS)
    const count = (kind: string) => open.filter((alarm) => alarm.kind === kind).length
    assert.deepEqual(await gauge(), Object.fromEntries(kinds.map((kind) => [kind, count(kind)])))
    for (const { id } of open) assert.equal((await close(id, { reason: 'The end.' })).status, 200)
    const { code, stdout } = await cli()
    assert.deepEqual([code, stdout], [0, 'No alarm is open.\n'])
    assert.deepEqual(
      Object.values(await gauge()),
      kinds.map(() => 0),
    )
    await server.stop()
    await assertSound(server.database)
  })
})
