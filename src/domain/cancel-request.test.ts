import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attemptOf, chargeOf, whole } from '../../test/kit/charges.ts'
import type { Attempt } from './attempt.ts'
import {
  applyCancelRequest,
  dropCancelRequest,
  isCancelRequested,
  isOfCancelRequest,
  requestCancel,
  requestedFollowUp,
  restoreDueTime,
  scheduleRequestedCancel,
} from './cancel-request.ts'
import { CHARGE_STATUSES, type Charge, type Decision, decide } from './charge.ts'
import { cancelRefusal, captureAmount } from './lifecycle.ts'

const wished = (changes: Partial<Charge> = {}) => chargeOf({ cancelKey: 'wish', ...changes })
const own = (kind: Attempt['kind'] = 'cancel'): Attempt => ({
  ...attemptOf(kind, 1000),
  idempotencyKey: 'wish',
})
const ended = (charge: Charge, attempt: Attempt, state: Attempt['state']): Decision =>
  decide(charge, {}, { attempts: [{ ...attempt, state, dueAt: null }], event: 'payment.cancel_failed' })

test('a cancel request stores its key, changes nothing else, and is possible only while the charge is processing', () => {
  const charge = chargeOf({ status: 'processing' })
  const kept = requestCancel(charge, 'wish')
  assert.deepEqual(kept.charge, { ...charge, cancelKey: 'wish', version: 2 })
  assert.deepEqual([kept.attempts, kept.transfers, kept.event, kept.counts], [[], [], null, []])
  assert.deepEqual([isCancelRequested(charge), isCancelRequested(kept.charge)], [false, true])
  for (const status of CHARGE_STATUSES.filter((one) => one !== 'processing'))
    assert.throws(() => requestCancel(chargeOf({ status }), 'wish'), /can be canceled now/)
})

test('a held charge or one that waits for its customer is canceled, a captured charge is refunded, and no other', () => {
  const taken = { amountCaptured: 1000 }
  const asked = CHARGE_STATUSES.map((status) => [status, requestedFollowUp(wished({ status, ...taken }))])
  assert.deepEqual(Object.fromEntries(asked), {
    processing: null,
    requires_action: 'cancel',
    authorized: 'cancel',
    succeeded: 'refund',
    partially_refunded: 'refund',
    refunded: 'refund',
    failed: null,
    canceled: null,
  })
  assert.equal(requestedFollowUp(wished({ ...taken, amountRefundPending: 1000 })), null)
  assert.equal(requestedFollowUp(chargeOf({ status: 'authorized' })), null)
})

test('while a cancel is wished a charge is neither captured nor canceled by another request', () => {
  const standing = wished({ status: 'authorized' })
  assert.partialDeepStrictEqual(captureAmount(standing, undefined), { code: 'charge_not_capturable' })
  for (const status of ['authorized', 'processing', 'requires_action'] as const)
    assert.match(cancelRefusal(wished({ status }))?.message ?? '', /already has a cancel in progress/)
  assert.match(cancelRefusal(wished({ status: 'succeeded' }))?.message ?? '', /is succeeded/)
})

test('a cancel that turns out to be impossible has an event and is removed', () => {
  const refused = dropCancelRequest(wished({ status: 'authorized' }))
  assert.deepEqual(
    [refused.charge.cancelKey, refused.charge.status, refused.event],
    [null, 'authorized', 'payment.cancel_failed'],
  )
})

test('an attempt is of the wish by its key', () => {
  assert.equal(isOfCancelRequest(wished(), own()), true)
  assert.equal(isOfCancelRequest(wished(), attemptOf('cancel', 1)), false)
  assert.equal(isOfCancelRequest(chargeOf(), own()), false)
})

const authorization = { ...attemptOf('authorize', 1000), state: 'succeeded' } as const
/** Earlier calls for the cancel request, and the authorization that has the money. */
const stored = (calls: number) => [authorization, ...Array.from({ length: calls }, () => own())]
const dueOf = ({ attempts }: Decision) => attempts.find(({ kind }) => kind === 'authorize')?.dueAt

test('where an attempt led to what is wished, the authorization is looked at again soon; else it is not', () => {
  const before = wished({ status: 'processing' })
  const due = (kind: Attempt['kind'], state: Attempt['state'], changes: Partial<Charge>) => {
    const attempt = kind === 'authorize' ? authorization : attemptOf(kind, 1000)
    return dueOf(applyCancelRequest(before, stored(0), attempt, ended(wished(changes), attempt, state), 50))
  }
  assert.equal(due('authorize', 'succeeded', { status: 'authorized' }), 5_050)
  assert.equal(due('authorize', 'succeeded', { status: 'succeeded', amountCaptured: 1000 }), 5_050)
  assert.equal(due('capture', 'succeeded', { status: 'succeeded', amountCaptured: 1000 }), 5_050)
  assert.equal(due('capture', 'declined', { status: 'authorized' }), 5_050)
  assert.equal(due('authorize', 'declined', { status: 'failed' }), null)
  assert.equal(due('authorize', 'pending', { status: 'processing' }), null)
  assert.equal(due('authorize', 'pending', { status: 'requires_action' }), null)
})

test('what is begun for a wish gives the authorization its own time again, and takes its lease', () => {
  const looked = { ...authorization, dueAt: 5_000, token: 'mine' }
  const again = (status: Charge['status']) =>
    restoreDueTime(wished({ status, expiresAt: 9_000 }), [own(), looked]).map(({ id, dueAt, token }) => [
      id,
      dueAt,
      token,
    ])
  assert.deepEqual(again('authorized'), [[looked.id, 9_000, null]])
  assert.deepEqual(again('succeeded'), [[looked.id, null, null]])
})

test('a call of the wish that surely was not done is made again, later each time, and at last given up', () => {
  const before = wished({ status: 'processing' })
  const attempt = own()
  const after = (calls: number) =>
    applyCancelRequest(
      before,
      stored(calls),
      attempt,
      ended(wished({ status: 'authorized' }), attempt, 'not_sent'),
      0,
    )
  assert.deepEqual(
    [1, 2, 3, 7, 8, 9].map((calls) => dueOf(after(calls))),
    [5_000, 10_000, 20_000, 320_000, 600_000, 600_000],
  )
  assert.deepEqual([after(9).charge.cancelKey, after(9).event], ['wish', null])
  const last = after(10)
  assert.deepEqual(
    [last.charge.cancelKey, last.event, dueOf(last)],
    [null, 'payment.cancel_failed', undefined],
  )
})

test('a refund of a stored cancel that was not done is a failed refund each time', () => {
  const attempt = own('refund')
  const not = ended(wished(), attempt, 'not_sent')
  assert.equal(applyCancelRequest(wished(), stored(1), attempt, not, 0).event, not.event)
})

test('a call of the wish that the provider did leaves it as a record; one that it declined ends it', () => {
  const attempt = own()
  const after = (state: Attempt['state']) =>
    applyCancelRequest(wished(), stored(1), attempt, ended(wished(), attempt, state), 0).charge.cancelKey
  assert.deepEqual([after('succeeded'), after('declined'), after('pending')], ['wish', null, 'wish'])
})

test('of a charge that has money after all, the authorization is looked at again soon, should a cancel be wished', () => {
  const charge = wished({ status: 'authorized' })
  const due = { ...authorization, dueAt: 5_050, token: null }
  const capture = attemptOf('capture', 1000)
  const made = whole(charge, {}, { attempts: [capture, authorization], event: 'payment.authorized' })
  assert.deepEqual(scheduleRequestedCancel(made, 50), { ...made, attempts: [capture, due] })
  assert.deepEqual(scheduleRequestedCancel({ ...made, attempts: [capture] }, 50).attempts, [capture])
  const unwished = { ...made, charge: { ...made.charge, cancelKey: null } }
  assert.equal(scheduleRequestedCancel(unwished, 50), unwished)
})

test('only the authorization that has the money is looked at again, and the attempts that ended stay as they are', () => {
  const capture = attemptOf('capture', 1000)
  const made = ended(wished({ status: 'authorized' }), capture, 'declined')
  const failed = { ...attemptOf('authorize', 1000), state: 'declined' } as const
  const stored = [failed, authorization, { ...attemptOf('cancel', 1000), state: 'succeeded' } as const]
  assert.deepEqual(applyCancelRequest(wished({ status: 'processing' }), stored, capture, made, 50), {
    ...made,
    attempts: [...made.attempts, { ...authorization, dueAt: 5_050, token: null }],
  })
})

test('how an attempt ended is read from its own row, or from itself where nothing of it is written', () => {
  const before = wished({ status: 'processing' })
  const attempt = attemptOf('capture', 1000)
  const done = { ...attempt, state: 'declined' } as const
  const other = { ...attemptOf('capture', 1000), state: 'sending' } as const
  const made = whole(wished({ status: 'authorized' }), {}, { attempts: [other, done] })
  assert.equal(dueOf(applyCancelRequest(before, stored(0), attempt, made, 50)), 5_050)
  const swapped = {
    ...made,
    attempts: [{ ...other, state: 'declined' } as const, { ...done, state: 'pending' } as const],
  }
  assert.equal(applyCancelRequest(before, stored(0), attempt, swapped, 50), swapped)
  const none = { ...made, attempts: [] }
  assert.equal(applyCancelRequest(before, stored(0), attempt, none, 50), none)
  assert.equal(dueOf(applyCancelRequest(before, stored(0), done, none, 50)), 5_050)
})

test('a call of a stored cancel that succeeded ends it, and needs no further lookup', () => {
  for (const kind of ['cancel', 'refund'] as const) {
    const attempt = own(kind)
    const done = ended(wished(), attempt, 'succeeded')
    assert.equal(applyCancelRequest(wished(), stored(1), attempt, done, 0), done)
  }
})
