/** What becomes of a charge, with a provider in this process and with a bank over the network. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import {
  type Charge,
  type ErrorAnswer,
  type LedgerEntry,
  type Page,
  type Refund,
  stored,
  until,
} from '../kit/client.ts'
import { call } from '../kit/http.ts'
import { startWorld, type World } from '../kit/world.ts'

const WEEK_MS = 7 * 24 * 3_600_000
const HELD = { capture: false }

const subjects = [
  {
    where: 'in process',
    provider: 'sandbox',
    options: { banks: [], providers: { sandbox: { kind: 'sandbox' } } },
  },
  { where: 'through a bank', provider: 'bank_a', options: { banks: ['bank_a'] } },
] as const

for (const { where, provider, options } of subjects)
  describe(where, () => {
    let world: World
    before(async () => {
      world = await startWorld(options)
      await world.notify()
    })
    after(() => world?.close())

    const hold = (amount = 2500): Promise<Charge> => world.api.charge({ ...HELD, amount })
    const act = (id: string, what: string, body: object = {}) =>
      world.api.post<Charge & ErrorAnswer>(`/api/v1/charges/${id}/${what}`, body)
    /** What a charge's own entries add to each account. */
    async function effect(id: string): Promise<Record<string, number>> {
      const { body } = await world.api.get<Page<LedgerEntry>>(
        `/api/v1/ledger/entries?limit=100&transaction_id=${id}`,
      )
      const sums: Record<string, number> = {}
      for (const { account, amount } of body.data) sums[account] = (sums[account] ?? 0) + amount
      return Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum !== 0))
    }
    /** Everything that is stored here and at the bank. */
    async function everything(): Promise<object> {
      const statement = provider === 'bank_a' ? await world.bank(provider).statement() : null
      return { ...(await stored(world.api)), statement }
    }

    describe('an authorization', () => {
      test('an authorization holds the amount until it expires, and takes nothing', async () => {
        const { id, ...charge } = await hold()
        assert.deepEqual([charge.status, charge.capture, charge.amount_captured], ['authorized', false, 0])
        const left = Date.parse(charge.expires_at ?? '') - Date.now()
        assert.ok(left > WEEK_MS - 60_000 && left <= WEEK_MS, charge.expires_at ?? 'it has no end')
        assert.deepEqual(await effect(id), { [`authorized:${provider}`]: 2500, uncaptured: -2500 })
        assert.deepEqual(await world.eventsOf(id), ['payment.authorized'])
      })

      test('an authorization is captured wholly: the money is taken, and nothing is held any more', async () => {
        const { id } = await hold()
        const captured = await world.api.capture(id)
        assert.deepEqual(
          [captured.status, captured.amount_captured, captured.expires_at],
          ['succeeded', 2500, null],
        )
        assert.deepEqual(await effect(id), { [`provider:${provider}`]: 2500, merchant: -2500 })
        assert.deepEqual(await world.eventsOf(id), ['payment.authorized', 'payment.succeeded'])
        assert.deepEqual(await world.retrieve(id), captured)
      })

      test('an authorization is captured in part: the rest is released', async () => {
        const { id } = await hold()
        const captured = await world.api.capture(id, { amount: 1000 })
        assert.deepEqual(
          [captured.status, captured.amount, captured.amount_captured],
          ['succeeded', 2500, 1000],
        )
        assert.deepEqual(await effect(id), { [`provider:${provider}`]: 1000, merchant: -1000 })
      })

      test('an authorization is canceled: everything is released, and nothing taken', async () => {
        const { id } = await hold()
        const canceled = await world.api.cancel(id)
        assert.deepEqual([canceled.status, canceled.amount_captured], ['canceled', 0])
        assert.deepEqual(await effect(id), {})
        assert.deepEqual(await world.eventsOf(id), ['payment.authorized', 'payment.canceled'])
      })

      test('an authorization is captured or canceled without a body too', async () => {
        const [first, second] = [await hold(), await hold()]
        const post = (id: string, what: string) =>
          call<Charge>(world.server.url, 'POST', `/api/v1/charges/${id}/${what}`)
        assert.equal((await post(first.id, 'capture')).body.status, 'succeeded')
        assert.equal((await post(second.id, 'cancel')).body.status, 'canceled')
      })
    })

    test('after a partial capture no more than what was captured is refunded', async () => {
      const { id } = await hold()
      await world.api.capture(id, { amount: 1000 })
      const { status, body } = await world.tryRefund(id, { amount: 1001 })
      assert.deepEqual([status, body.code], [409, 'refund_exceeds_remaining'])
      assert.equal((await world.api.refund(id, { amount: 400 })).status, 'partially_refunded')
      const rest = await world.api.refund(id)
      assert.deepEqual([rest.amount, rest.status], [600, 'refunded'])
      assert.equal((await world.retrieve(id)).amount_refunded, 1000)
    })

    describe('what a status does not allow is refused with its code, and moves nothing', () => {
      const PREPARE = {
        authorized: () => hold(),
        captured: async () => world.api.capture((await hold()).id),
        'captured in part': async () => world.api.capture((await hold()).id, { amount: 1 }),
        'captured at once': () => world.api.charge(),
        canceled: async () => world.api.cancel((await hold()).id),
        failed: async () =>
          (await world.tryCharge({ payment_method: 'tok_chargeDeclined' })).body.charge as Charge,
        refunded: async () => {
          const { id } = await world.api.charge()
          await world.api.refund(id)
          return world.retrieve(id)
        },
      }
      const refused: [keyof typeof PREPARE, what: string, code: string, amount?: number][] = [
        ['authorized', 'capture', 'capture_exceeds_authorized', 2501],
        ['authorized', 'refund', 'charge_not_refundable'],
        ['captured', 'capture', 'charge_not_capturable'],
        ['captured', 'cancel', 'charge_not_cancelable'],
        ['captured in part', 'capture', 'charge_not_capturable', 1],
        ['captured at once', 'capture', 'charge_not_capturable'],
        ['captured at once', 'cancel', 'charge_not_cancelable'],
        ['canceled', 'capture', 'charge_not_capturable'],
        ['canceled', 'cancel', 'charge_not_cancelable'],
        ['canceled', 'refund', 'charge_not_refundable'],
        ['failed', 'capture', 'charge_not_capturable'],
        ['failed', 'cancel', 'charge_not_cancelable'],
        ['failed', 'refund', 'charge_not_refundable'],
        ['refunded', 'capture', 'charge_not_capturable'],
        ['refunded', 'cancel', 'charge_not_cancelable'],
        ['refunded', 'refund', 'already_refunded'],
      ]
      for (const [state, what, code, amount] of refused)
        test(`a ${what}${amount ? ` of ${amount}` : ''} of a charge that is ${state} is refused as ${code}`, async () => {
          const charge = await PREPARE[state]()
          const before = await everything()
          const body = amount === undefined ? {} : { amount }
          const answer =
            what === 'refund' ? await world.tryRefund(charge.id, body) : await act(charge.id, what, body)
          assert.deepEqual([answer.status, answer.body.code], [409, code])
          assert.deepEqual(await world.retrieve(charge.id), charge)
          assert.deepEqual(await everything(), before)
        })

      test('a capture or cancel of no transaction, or with a bad amount, is refused by its field', async () => {
        const { id } = await hold()
        const wrong: [string, string, object, number, string, string?][] = [
          ['txn_01kasw5v8g000ne3r5yx2tb4qd', 'capture', {}, 404, 'transaction_not_found', 'id'],
          ['txn_01kasw5v8g000ne3r5yx2tb4qd', 'cancel', {}, 404, 'transaction_not_found', 'id'],
          [id, 'capture', { amount: 0 }, 400, 'amount_invalid', 'amount'],
          [id, 'capture', { amount: '5' }, 400, 'amount_invalid', 'amount'],
          [id, 'capture', { amuont: 5 }, 400, 'parameter_unknown', 'amuont'],
          [id, 'cancel', { amount: 5 }, 400, 'parameter_unknown', 'amount'],
        ]
        for (const [of, what, body, ...expected] of wrong) {
          const answer = await act(of, what, body)
          assert.deepEqual([answer.status, answer.body.code, answer.body.param], expected, what)
        }
        assert.equal((await world.retrieve(id)).status, 'authorized')
      })
    })

    describe('the same key again', () => {
      for (const [what, path] of [
        ['capture', 'capture'],
        ['cancel', 'cancel'],
        ['refund', 'refunds'],
      ] as const)
        test(`the same key answers what the ${what} answered, moves nothing, and is refused for something else`, async () => {
          const { id } = what === 'refund' ? await world.api.charge() : await hold()
          const key = { 'idempotency-key': randomUUID() }
          const send = (of: string) =>
            what === 'refund'
              ? world.api.post<Refund & ErrorAnswer>('/api/v1/refunds', { transaction_id: of }, key)
              : world.api.post<Charge & ErrorAnswer>(`/api/v1/charges/${of}/${path}`, {}, key)
          const first = await send(id)
          assert.equal(first.status, 200)
          const before = await everything()
          const again = await send(id)
          assert.deepEqual([again.status, again.body], [200, first.body])
          assert.equal(again.headers.get('idempotent-replayed'), 'true')
          assert.deepEqual(await everything(), before)
          const { id: another } = await hold()
          const other = await send(another)
          assert.deepEqual([other.status, other.body.code], [422, 'idempotency_key_reused'])
          assert.equal((await world.retrieve(another)).status, 'authorized')
        })
    })
  })

describe('a charge that waits for its customer', () => {
  let world: World
  before(async () => {
    world = await startWorld({ banks: ['bank_a'] })
    await world.notify()
  })
  after(() => world?.close())

  async function waiting(fields: object = {}, key?: string): Promise<Charge> {
    const { status, body } = await world.tryCharge({ payment_method: 'tok_requires_action', ...fields }, key)
    assert.deepEqual([status, body.status], [202, 'requires_action'])
    return body
  }
  const decide = ({ redirect_url }: Charge, approve: boolean) =>
    fetch(redirect_url ?? '', { method: 'POST', body: new URLSearchParams({ approve: String(approve) }) })

  test('a charge that waits for its customer has the redirect_url, and moves no money until then', async () => {
    const charge = await waiting()
    assert.match(charge.redirect_url ?? '', new RegExp(`^${world.bank('bank_a').url}/confirm/`))
    assert.deepEqual(await world.retrieve(charge.id), charge)
    assert.deepEqual(await world.balances(), {})
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.requires_action'])
    await world.api.cancel(charge.id)
  })

  test('a charge that waits for its customer succeeds when the customer approves, and then sends them nowhere', async () => {
    const charge = await waiting()
    assert.equal((await decide(charge, true)).status, 200)
    const paid = await world.settled(charge.id)
    assert.deepEqual([paid.status, paid.amount_captured, paid.redirect_url], ['succeeded', 2500, null])
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.requires_action', 'payment.succeeded'])
  })

  test('a charge that is not to be captured is held when the customer approves, and can be captured then', async () => {
    const charge = await waiting(HELD)
    await decide(charge, true)
    const held = await world.settled(charge.id)
    assert.equal(held.status, 'authorized')
    assert.notEqual(held.expires_at, null)
    assert.equal((await world.api.capture(charge.id, { amount: 1 })).amount_captured, 1)
  })

  test('a charge that waits for its customer fails when the customer refuses, and says why', async () => {
    const charge = await waiting()
    await decide(charge, false)
    const failed = await world.settled(charge.id)
    assert.deepEqual([failed.status, failed.decline_code], ['failed', 'authentication_required'])
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.requires_action', 'payment.failed'])
  })

  test('a charge that waits for its customer can be canceled: then the customer comes too late, and its key answers the canceled charge', async () => {
    const key = randomUUID()
    const charge = await waiting({}, key)
    const again = await world.tryCharge({ payment_method: 'tok_requires_action' }, key)
    assert.deepEqual([again.status, again.body], [202, charge])
    const canceled = await world.api.cancel(charge.id)
    assert.deepEqual([canceled.status, canceled.redirect_url], ['canceled', null])
    assert.equal((await decide(charge, true)).status, 409)
    const last = await world.tryCharge({ payment_method: 'tok_requires_action' }, key)
    assert.deepEqual([last.status, last.body], [200, canceled])
    assert.deepEqual(await world.eventsOf(charge.id), ['payment.requires_action', 'payment.canceled'])
    assert.ok((await world.api.attempts(charge.id)).every(({ ended_at }) => ended_at !== null))
  })

  test('a charge that waits for its customer can be neither captured nor refunded', async () => {
    const { id } = await waiting()
    const capture = await world.api.post<ErrorAnswer>(`/api/v1/charges/${id}/capture`, {})
    assert.deepEqual([capture.status, capture.body.code], [409, 'charge_not_capturable'])
    assert.equal((await world.tryRefund(id)).body.code, 'charge_not_refundable')
    await world.api.cancel(id)
  })

  test('an authorization that its bank lets expire is canceled, and nothing is held', async () => {
    const { id, provider_reference } = await world.api.charge(HELD)
    await world.bank('bank_a').control('POST', `/payments/${provider_reference}/expire`)
    const gone = await until(
      () => world.retrieve(id),
      ({ status }) => status !== 'authorized',
    )
    assert.deepEqual(
      [gone.status, gone.decline_code, gone.expires_at],
      ['canceled', 'authorization_expired', null],
    )
    assert.deepEqual(await world.eventsOf(id), ['payment.authorized', 'payment.canceled'])
    assert.equal((await world.tryRefund(id)).body.code, 'charge_not_refundable')
  })
})
