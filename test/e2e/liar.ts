/** MiniPay with a provider whose every response the test sets, and the helpers of such tests. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { assertSound } from '../kit/audit.ts'
import {
  type Alarm,
  type Attempt,
  type Charge,
  type DeclineAnswer,
  type ErrorAnswer,
  type Page,
  until,
} from '../kit/client.ts'
import type { Answer } from '../kit/http.ts'
import { startPeer } from '../kit/peer.ts'
import { ruleTo, sendNotification, startWorld, type World } from '../kit/world.ts'

type Body = Readonly<Record<string, unknown>>
type Say = (body: Body) => object

export const done = (body: Body): object => ({
  status: 'succeeded',
  reference: `of_${body['reference']}`,
  amount: body['amount'],
  currency: body['currency'],
})
export const no =
  (decline_code: string): Say =>
  () => ({ status: 'declined', decline_code, message: 'No.' })

export type Liar = {
  readonly world: World
  /** What the liar answers to each operation; else it does what it is asked. */
  readonly says: Map<string, Say>
  /** What it did, by the reference of the call: a lookup repeats it. */
  readonly did: Map<unknown, object>
  /** How often it was asked anything. */
  readonly asked: () => number
  charged(to?: string, fields?: object): Promise<Charge>
  held(to?: string): Promise<Charge>
  follow(id: string, what: string, body?: object): Promise<Answer<Charge & DeclineAnswer>>
  resolve(id: string, body: object): Promise<Answer<Attempt & ErrorAnswer>>
  closeAlarm(id: string, body: object): Promise<Answer<Alarm & ErrorAnswer>>
  alarmsOf(id: string): Promise<Alarm[]>
  /** The alarms of a charge, once there are so many. */
  raised(id: string, count?: number): Promise<[Alarm, ...Alarm[]]>
  /** The newest attempt of that kind. */
  attemptOf(id: string, kind: Attempt['kind']): Promise<Attempt>
  /** The liar notifies MiniPay of an attempt, or of a dispute. */
  notify(reference: string, about?: 'attempt' | 'dispute'): Promise<unknown>
  /** Fails unless `minipay verify` finds the books sound. */
  verified(): Promise<void>
  /** Fails unless these are refused with the name of an alarm. */
  inDoubt(id: string, ...whats: ('capture' | 'cancel' | 'refund')[]): Promise<void>
  close(): Promise<void>
}

export const order = (to: string, fields: object = {}) => ({ amount: 1000, metadata: { to }, ...fields })

/** Starts it: `liar`; `second`, which is asked after it with `both`; and `mute`, which can't be looked up. */
export async function startLiar(): Promise<Liar> {
  const says: Liar['says'] = new Map()
  const did: Liar['did'] = new Map()
  const peer = await startPeer((operation, body) => {
    const say = says.get(operation)
    if (say) return say(body)
    if (operation === 'lookup') return did.get(body['reference']) ?? { status: 'not_found' }
    did.set(body['reference'], done(body))
    return done(body)
  })
  const at = { bank: 'bank_a', url: peer.url }
  const world = await startWorld({
    banks: ['bank_a'],
    providers: { liar: at, second: at, mute: { ...at, lookup: 'none', idempotent: false } },
    deadlineMs: 5_000,
    env: { MINIPAY_PROVIDER_WAIT_MS: '1500' },
  })
  await world.route({
    rules: [
      ruleTo('liar', ['liar']),
      ruleTo('mute', ['mute']),
      ruleTo('both', ['liar', 'second'], ['do_not_honor']),
    ],
    default: { providers: ['bank_a'] },
  })
  const close = async () => {
    await peer.close()
    await world.close()
  }
  return { world, says, did, asked: () => peer.asked.length, ...actions(world), close }
}

function actions(world: World) {
  const { api, server } = world
  const charged: Liar['charged'] = async (to = 'liar', fields = {}) => {
    const { status, body } = await world.tryCharge(order(to, fields))
    assert.equal(status, 201, JSON.stringify(body))
    return body
  }
  const follow: Liar['follow'] = (id, what, body = {}) => api.post(`/api/v1/charges/${id}/${what}`, body)
  const alarmsOf: Liar['alarmsOf'] = async (id) =>
    (await api.get<Page<Alarm>>(`/api/v1/alarms?transaction_id=${id}`)).body.data
  return {
    charged,
    follow,
    alarmsOf,
    held: (to = 'liar') => charged(to, { capture: false }),
    resolve: (id: string, body: object) =>
      api.post<Attempt & ErrorAnswer>(`/api/v1/attempts/${id}/resolve`, body),
    closeAlarm: (id: string, body: object) =>
      api.post<Alarm & ErrorAnswer>(`/api/v1/alarms/${id}/close`, body),
    raised: async (id: string, count = 1) =>
      (await until(
        () => alarmsOf(id),
        (alarms) => alarms.length === count,
      )) as [Alarm, ...Alarm[]],
    attemptOf: async (id: string, kind: Attempt['kind']) =>
      (await api.attempts(id)).findLast((attempt) => attempt.kind === kind) as Attempt,
    notify: (reference: string, about: 'attempt' | 'dispute' = 'attempt') =>
      sendNotification(world, 'bank_a', { id: randomUUID(), about, reference }, { to: 'liar' }),
    async verified() {
      await assertSound(server.database)
    },
    async inDoubt(id: string, ...whats: ('capture' | 'cancel' | 'refund')[]) {
      for (const what of whats) {
        const { status, body } = what === 'refund' ? await world.tryRefund(id) : await follow(id, what)
        assert.deepEqual([status, body.code], [409, 'charge_in_doubt'], what)
        assert.match(JSON.stringify(body), /alm_[0-9a-z]{26}/)
      }
    },
  }
}
