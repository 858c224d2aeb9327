import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { ErrorAnswer } from './client.ts'
import { assertRefused, type Refuser, startRefuser } from './refusal.ts'

/** A published test number: no account is behind it. */
const CARD = '4242424242424242'
const CHARGES = '/api/v1/charges'
const REFUNDS = '/api/v1/refunds'
const VALID = { amount: 2500, currency: 'usd', customer: 'cus_1' }

let refuses: Refuser

before(async () => {
  refuses = await startRefuser()
})
after(() => refuses?.stop())

describe('a card number', () => {
  const spellings = [
    CARD,
    '4242 4242 4242 4242',
    '4242-4242-4242-4242',
    '4242  4242--4242 - 4242',
    `my card is ${CARD}, thanks`,
    'order 12: 4242 4242 4242 4242 exp 12/34',
  ]
  const REFUSED = [400, 'card_number_refused'] as const

  test('it is refused in every string of a body, and the field is named', async () => {
    for (const text of spellings)
      for (const name of ['customer', 'description', 'payment_method', 'currency'])
        await refuses.body({ ...VALID, [name]: text }, [...REFUSED, name])
    for (const text of spellings)
      for (const name of ['transaction_id', 'reason', 'description'])
        await refuses.body({ transaction_id: 'txn_1', [name]: text }, [...REFUSED, name], REFUNDS)
  })

  test('it is refused in metadata, in nested values and in keys, and the key is not repeated', async () => {
    for (const text of spellings) {
      await refuses.body({ ...VALID, metadata: { note: text } }, [...REFUSED, 'note'])
      await refuses.body({ ...VALID, metadata: { a: [{ b: text }] } }, [...REFUSED, 'b'])
      await refuses.body({ ...VALID, metadata: { [text]: 'v' } }, REFUSED)
      await refuses.body({ ...VALID, [text]: 'v' }, REFUSED)
    }
  })

  test('it is refused as a number, and behind escapes', async () => {
    await refuses.body(`{"amount":${CARD},"currency":"usd","customer":"c"}`, [...REFUSED, 'amount'])
    const hidden = [...CARD].map((digit) => `\\u003${digit}`).join('')
    await refuses.body(`{"amount":1,"currency":"usd","customer":"${hidden}"}`, [...REFUSED, 'customer'])
  })

  test('it is refused as an Idempotency-Key', async () => {
    for (const key of [CARD, '4242-4242-4242-4242', `card:${CARD}`])
      assertRefused(
        await refuses.api.post<ErrorAnswer>(CHARGES, VALID, { 'idempotency-key': key }),
        [...REFUSED, 'Idempotency-Key'],
        key,
      )
  })

  test('it is refused in a path and in a query, however it is encoded', async () => {
    const escaped = [...CARD].map((digit) => `%3${digit}`).join('')
    const encoded = [CARD, '4242-4242-4242-4242', '4242%204242%204242%204242', escaped]
    for (const text of [...encoded, `${CARD}%ZZ`])
      for (const path of [`${CHARGES}?customer=${text}`, `${CHARGES}?${text}=1`, `/health?x=${text}`])
        await refuses.path(path, REFUSED)
    await refuses.path(`${CHARGES}?customer=4242+4242+4242+4242`, REFUSED)
    for (const text of encoded) await refuses.path(`${CHARGES}/${text}`, REFUSED)
    await refuses.path(`/${CARD}`, REFUSED)
  })
})

test('after all of it nothing was stored, the log has no card number, and the server charges', () =>
  refuses.assertUnharmed())

test('none of 2,000 random UUIDs is refused as an Idempotency-Key or in metadata', async () => {
  for (let group = 0; group < 20; group++)
    await Promise.all(
      Array.from({ length: 100 }, () =>
        refuses.api.charge(
          { customer: randomUUID(), metadata: { [randomUUID()]: randomUUID() } },
          randomUUID(),
        ),
      ),
    )
})
