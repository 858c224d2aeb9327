/**
 * The Big List of Naughty Strings (https://github.com/minimaxir/big-list-of-naughty-strings) in every text of every
 * request: MiniPay returns it unchanged, or refuses it with a documented error, and serves others meanwhile.
 * `FUZZ_RUNS=1` sends every string to every place; without it, each goes to all places that store it and to some others.
 */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { holdsCardNumber } from '../../src/domain/cards/card-numbers.ts'
import { type Alarm, type Charge, eventsAfter, type Page, type Refund } from '../kit/client.ts'
import { type LivedIn, startLivedIn } from '../kit/lived-in.ts'
import { OPERATIONS, send } from '../kit/operations.ts'
import { type Place, placesOf } from '../kit/places.ts'

const NAUGHTY = createRequire(import.meta.url)('big-list-of-naughty-strings') as readonly string[]
/** Those of later versions of the list, and texts that were found to be read as something else. */
const MORE = [
  ...['hasOwnProperty', '1#INF', '-1#IND', '1#QNAN', '<foo val=“bar” />', '{0}', '%', '_', ' ', '%s%p%x%d'],
  ...[
    '__proto__',
    'constructor',
    'toString',
    '\\',
    '"',
    '\\"',
    "';--",
    '%00',
    '%2f..%2f',
    '\u0000',
    '\ud800',
  ],
  ...['\udc00\ud800', '\ufeff', '\ufffe\uffff', '\u{10ffff}', '\u202e', 'ﬁ', 'é', 'é', '\\u0000', '\\x00'],
  ...[
    'NaN',
    'txn_',
    'txn_00000000000000000000000000',
    `x${'\u0301'.repeat(254)}`,
    '👩‍👩‍👧‍👦'.repeat(30),
    'a'.repeat(9_000),
  ],
]
const STRINGS = [...new Set([...NAUGHTY, ...MORE])]
/** Each string goes to one in so many of the places that do not store it. */
const SHARE = process.env['FUZZ_RUNS'] === undefined ? 24 : 1
const AT_ONCE = 8

let at: LivedIn
before(async () => {
  at = await startLivedIn({ attempts: 40, alarms: 80 })
})
after(() => at?.end())

/** Does `step` with each item, some at a time; between them, and at the end, a healthy client makes charges. */
async function forEach<T>(
  items: readonly T[],
  step: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const rest = items.entries()
  const lane = async () => {
    for (const [index, item] of rest) {
      await step(item, index)
      if (index % 10 === 0) await at.api.charge()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  await at.assertHealthy()
}

/** Whether MiniPay should take a text in a place: JSON and PostgreSQL store all but NUL and halves of characters. */
function isAcceptable(
  text: string,
  { minLength = 0, maxLength = Number.POSITIVE_INFINITY }: Place['schema'],
) {
  const length = [...text].length
  return (
    length >= minLength &&
    length <= maxLength &&
    text.isWellFormed() &&
    !text.includes('\0') &&
    !holdsCardNumber(text)
  )
}

const samples = () => ({
  ...{ amount: 1, currency: 'usd', customer: 'cus_1', outcome: 'failed', reason: 'none', id: 'x_1' },
  ...{ name: 'a rule', when: 'amount > 1', provider: 'sandbox', transaction_id: at.ids.txn[0] },
})
const places = () => OPERATIONS.flatMap((operation) => placesOf(operation, samples()))

/** The places that store a text, each with the field that returns it. */
const STORING: Readonly<Record<string, (shown: Charge & Refund, text: string) => unknown>> = {
  'createCharge body customer': ({ customer }) => customer,
  'createCharge body payment_method': ({ payment_method }) => payment_method,
  'createCharge body description': ({ description }) => description,
  'createCharge body metadata.name': ({ metadata }, text) =>
    Object.keys(metadata).find((name) => name === text),
  'createCharge body metadata.*': ({ metadata }) => metadata['a_name'],
  'createRefund body reason': ({ reason }) => reason,
  'createRefund body description': ({ description }) => description,
  'createRefund body metadata.name': ({ metadata }, text) =>
    Object.keys(metadata).find((name) => name === text),
  'createRefund body metadata.*': ({ metadata }) => metadata['a_name'],
}

test('a naughty string in a charge or a refund is returned unchanged everywhere, or refused', async () => {
  const storing = places().filter(({ name }) => name in STORING)
  assert.deepEqual(storing.map(({ name }) => name).sort(), Object.keys(STORING).sort())
  const paid = await Promise.all(STRINGS.slice(0, 50).map(() => at.api.charge()))
  await forEach(STRINGS, async (text, index) => {
    for (const id of ['createCharge', 'createRefund']) {
      const operation = OPERATIONS.find((one) => one.id === id) ?? assert.fail(id)
      const own = storing.filter((place) => place.operation === operation)
      const bodyOf = ({ put }: Place) => ({
        ...(put(text).body as object),
        ...(id === 'createRefund' && { transaction_id: paid[index % 50]?.id, amount: 1 }),
      })
      const fitting = own.filter(
        ({ name, schema }) => isAcceptable(text, schema) && !isUnsafeName(name, text),
      )
      for (const [i, place] of own.entries()) {
        if (fitting.includes(place) || (SHARE > 1 && (i + index) % 4 !== 0)) continue
        const { status, body } = await send(at.api, operation, { body: bodyOf(place) })
        assert.equal(status, 400, `${place.name}: ${JSON.stringify(text)} ${JSON.stringify(body)}`)
      }
      const [first] = fitting
      if (!first) continue
      const fields = fitting.map(({ name }) => name.split(/[ .]/)[2] as string)
      const body = {
        ...bodyOf(first),
        ...Object.fromEntries(fields.map((field) => [field, text])),
        ...metadataOf(fitting, text),
      }
      const answer = await send<Charge & Refund & { charge?: Charge }>(at.api, operation, { body })
      // The sandbox declines payment methods that it does not know.
      assert.ok(
        [200, 201, 402].includes(answer.status),
        `${JSON.stringify(text)} ${JSON.stringify(answer.body)}`,
      )
      const shown = (answer.body.charge ?? answer.body) as Charge & Refund
      for (const { name } of fitting)
        assert.equal(STORING[name]?.(shown, text), text, `${name}: ${JSON.stringify(text)}`)
      const path = id === 'createRefund' ? `refunds/${shown.refund_id}` : `charges/${shown.id}`
      assert.deepEqual((await at.api.get(`/api/v1/${path}`)).body, shown, JSON.stringify(text))
    }
  })
})

/** The text as a name and as a value, where these places take it. */
function metadataOf(places: readonly Place[], text: string): { metadata?: Record<string, string> } {
  const takes = (end: string) => places.some(({ name }) => name.endsWith(end))
  const metadata = { ...(takes('.*') && { a_name: text }), ...(takes('.name') && { [text]: 'a value' }) }
  return Object.keys(metadata).length > 0 ? { metadata } : {}
}

/** Names that MiniPay refuses because of what JavaScript makes of them. */
const isUnsafeName = (place: string, text: string) => place.endsWith('.name') && /\\|^__proto__$/.test(text)

test('a charge is found by a naughty customer, and only by that one', async () => {
  const fits = STRINGS.filter((text) => isAcceptable(text, { minLength: 1, maxLength: 255 }))
  await forEach(fits, async (text) => {
    const query = new URLSearchParams({ customer: text, limit: '100' })
    const { status, body } = await at.api.get<Page<Charge>>(`/api/v1/charges?${query}`)
    assert.equal(status, 200, JSON.stringify(text))
    assert.ok(body.data.length > 0, JSON.stringify(text))
    assert.deepEqual([...new Set(body.data.map(({ customer }) => customer))], [text])
  })
})

test('a naughty string in any other place is refused, or does no harm', async () => {
  const others = places().filter(({ name }) => !(name in STORING))
  await forEach(STRINGS, async (text, index) => {
    for (const [i, { name, operation, put }] of others.entries()) {
      if ((i + index) % SHARE !== 0) continue
      // An empty id is another path, and the client library resolves dots.
      if (name.includes(' path ') && /^\.{0,2}$/.test(text)) continue
      if (!text.isWellFormed() && !name.includes(' body ')) continue
      const { status, body } = await send(at.api, operation, put(text))
      assert.ok(status < 500, `${name}: ${JSON.stringify(text)} ${JSON.stringify(body)}`)
    }
  })
})

test('a naughty Idempotency-Key is returned unchanged, or refused', async () => {
  const keyed = STRINGS.filter((text) => text !== '' && !/[\r\n]/.test(text))
  await forEach(keyed, async (text) => {
    const body = JSON.stringify({ amount: 1, currency: 'usd', customer: 'cus_1' })
    const lines = [`POST /api/v1/charges HTTP/1.1`, 'Host: localhost', 'Connection: close']
    const typed = ['Content-Type: application/json', `Content-Length: ${body.length}`]
    const head = [...lines, ...typed, `Authorization: ${at.authorization.authorization}`]
    const answer = await exchange([...head, `Idempotency-Key: ${text}`, '', body].join('\r\n'))
    const key = text.replace(/^[ \t]+|[ \t]+$/g, '')
    if (/^[\x21-\x7e]{1,255}$/.test(key) && !holdsCardNumber(key)) {
      assert.match(answer, /^HTTP\/1.1 20[01] /, JSON.stringify(text))
      assert.equal((JSON.parse(answer.split('\r\n\r\n')[1] ?? '') as Charge).idempotency_key, key)
    } else if (key !== '') assert.match(answer, /^HTTP\/1.1 4\d\d /, JSON.stringify(text))
  })
})

test('a naughty string in a request line, as its bytes are, is refused', async () => {
  await forEach(STRINGS, async (text, index) => {
    const paths = [`/api/v1/charges/${text}`, `/api/v1/charges?customer=${text}`, `/${text}`]
    for (const path of SHARE === 1 ? paths : paths.slice(index % 3, (index % 3) + 1)) {
      const lines = [`GET ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close']
      const head = [...lines, `Authorization: ${at.authorization.authorization}`]
      const answer = await exchange(`${head.join('\r\n')}\r\n\r\n`)
      assert.match(answer, /^HTTP\/1.1 [234]\d\d /, JSON.stringify(path))
    }
  })
})

test('naughty strings as the reason of an alarm and the note of an attempt are stored unchanged', async () => {
  const reasons = joined(500)
  assert.ok(reasons.length <= at.ids.alm.length, `${reasons.length} alarms are needed`)
  await forEach(reasons, async (reason, index) => {
    const path = `/api/v1/alarms/${at.ids.alm[index]}`
    const closed = await at.api.post<Alarm>(`${path}/close`, { reason })
    assert.deepEqual([closed.status, closed.body.reason], [200, reason])
    assert.deepEqual((await at.api.get<Alarm>(path)).body, closed.body)
  })
  const notes = joined(200).slice(0, at.ids.att.length)
  await forEach(notes, async (note, index) => {
    const path = `/api/v1/attempts/${at.ids.att[index]}/resolve`
    const { status, body } = await at.api.post<{ transaction_id: string }>(path, { outcome: 'failed', note })
    assert.equal(status, 200, JSON.stringify(body))
    const charge = await at.api.get<Charge>(`/api/v1/charges/${body.transaction_id}`)
    assert.deepEqual([charge.body.status, charge.body.failure_message], ['failed', note])
  })
  const closing = (await eventsAfter(at.api)).filter(({ type }) => type === 'alarm.closed')
  assert.deepEqual(
    closing
      .map(({ data }) => data.alarm?.reason)
      .sort()
      .filter((one) => reasons.includes(one ?? '')),
    reasons.toSorted(),
  )
})

/** All acceptable strings in texts of at most that many characters. */
function joined(length: number): string[] {
  const texts: string[] = []
  for (const text of STRINGS) {
    if (!isAcceptable(text, { maxLength: length })) continue
    const longer = `${texts.at(-1) ?? ''}|${text}`
    if (texts.length > 0 && isAcceptable(longer, { maxLength: length })) texts[texts.length - 1] = longer
    else texts.push(text)
  }
  return texts.filter((text) => text !== '')
}

/** Sends bytes on a connection of their own, and returns the response. */
async function exchange(bytes: string): Promise<string> {
  const { hostname, port } = new URL(at.server.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(bytes)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(chunks).toString()
}
