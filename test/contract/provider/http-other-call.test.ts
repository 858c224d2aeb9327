/** Responses of the provider `http` that belong to another call. */
import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import type { Outcome } from '../../../src/domain/attempt.ts'
import type { AuthorizeCall, LookupCall } from '../../../src/ports/provider.ts'
import { startPeer } from '../../kit/peer.ts'
import { newSecret } from '../../kit/simulator.ts'
import { onLoopback } from '../../kit/sockets.ts'
import { httpProvider } from './bank-peer.ts'
import { patience } from './calls.ts'

const MONEY = { amount: 2_500, currency: 'usd' } as const
const AUTHORIZE: AuthorizeCall = {
  ...{ attemptId: 'att_1', chargeId: 'txn_1', ...MONEY, customer: 'cus_1', paymentMethod: 'tok_visa' },
  ...{ description: null, metadata: {}, capture: true },
}
const LOOKUP: LookupCall = {
  ...{ attemptId: 'att_1', chargeId: 'txn_1', kind: 'authorize', ...MONEY },
  ...{ providerReference: null, paymentReference: null },
}
const DONE = { status: 'succeeded', reference: 'pay_1', ...MONEY }

test('a response that names another request leaves the outcome unknown', async (t) => {
  let body: object = {}
  const peer = await startPeer(() => body)
  const provider = httpProvider(peer.url, newSecret())
  t.after(async () => {
    await provider.close()
    await peer.close()
  })
  const named = (request_reference: unknown) => {
    body = { ...DONE, request_reference }
    return provider.authorize(AUTHORIZE, patience())
  }
  for (const own of ['att_1', null, undefined])
    assert.equal((await named(own)).kind, 'succeeded', String(own))
  const unknown = { kind: 'unknown', reason: 'the response is to another call' }
  for (const other of ['att_2', '', 1, {}]) assert.deepEqual(await named(other), unknown, String(other))
  body = { status: 'not_found', request_reference: 'att_2' }
  assert.deepEqual(await provider.lookup(LOOKUP, patience()), unknown)
})

test('a second response to an earlier request counts for no other call, and ends its connection', async (t) => {
  const sockets: Socket[] = []
  let late = ''
  const { url, close } = await onLoopback(
    createServer((socket) => {
      sockets.push(socket)
      socket.on('data', (request) => {
        const { reference } = JSON.parse(String(request).split('\r\n\r\n')[1] as string)
        const body = JSON.stringify({ ...DONE, reference: `ref_${reference}`, request_reference: reference })
        const own = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`
        socket.write(late + own)
        // The first response is sent once more, after the second request.
        late = late === '' ? own : ''
      })
    }),
  )
  const lying = httpProvider(url, newSecret())
  t.after(async () => {
    await lying.close()
    await close()
  })
  const call = (attemptId: string) => lying.authorize({ ...AUTHORIZE, attemptId }, patience())
  const referenceOf = (outcome: Outcome) => ('reference' in outcome ? outcome.reference : outcome.kind)
  assert.equal(referenceOf(await call('att_1')), 'ref_att_1')
  await untilIdle()
  assert.equal(referenceOf(await call('att_2')), 'unknown')
  assert.equal(referenceOf(await call('att_3')), 'ref_att_3')
  assert.equal(sockets.length, 2)
})

/** A connection rests for two turns of the event loop before it carries the next request. */
async function untilIdle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
