/**
 * Random requests to every endpoint, made from the schemas of the OpenAPI document: valid ones, and valid ones that are
 * broken in one place. MiniPay never fails, refuses the broken ones, and each response is as documented.
 * `FUZZ_RUNS=1000` makes so many of each kind, `FUZZ_SEED=7` makes others.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { broken, type Known, valid } from '../kit/from-schema.ts'
import { type LivedIn, startLivedIn } from '../kit/lived-in.ts'
import { type JsonSchema, OPERATIONS, type Operation, type Parts, send } from '../kit/operations.ts'

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 12)
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261)

let at: LivedIn
before(async () => {
  at = await startLivedIn({ attempts: 8, alarms: 8 })
})
after(() => at?.end())

/** What the server knows, by the name of the property or parameter that takes it. */
function knownTo({ id, path }: Operation): Known {
  const { ids } = at
  const all = Object.values(ids).flat()
  const own = path.includes('attempts/')
    ? ids.att
    : path.includes('alarms')
      ? ids.alm
      : path.includes('deliveries')
        ? ids.dlv
        : path.includes('refunds')
          ? ids.re
          : path.includes('keys/')
            ? ids.key
            : ids.txn
  return {
    id: own,
    transaction_id: ids.txn,
    starting_after: all,
    ending_before: all,
    currency: ['usd', 'EUR', 'jpy', 'kwd', 'xxx'],
    customer: ['cus_1', 'cus_42'],
    payment_method: ['tok_visa', 'tok_decline_insufficient_funds', 'tok_unknown'],
    amount: [1, 2, 2500, Number.MAX_SAFE_INTEGER],
    name: id === 'receiveProviderNotification' ? ['sandbox', 'bank'] : ['a rule', 'another rule'],
    provider: ['sandbox', 'bank'],
    when: ["currency == 'usd'", 'amount > 1000', 'metadata.tier == "gold"', 'time'],
    failover_on: [['processing_error'], ['insufficient_funds', 'do_not_honor']],
    account: path.includes('keys') ? ['acct_default'] : ['merchant', 'provider:sandbox'],
    mode: ['test'],
    networks: [['127.0.0.0/8'], ['203.0.113.0/24', '2001:db8::/32']],
    version: [0, 1, 2],
    'Idempotency-Key': ['key-1', 'key-2', 'key-3'],
  }
}

const PLACES = ['path', 'query', 'headers', 'body'] as const

/** Valid requests; or, with `isBroken`, those whose body is broken in one place, or whose query where it has no body. */
function requests(operation: Operation, isBroken: boolean): fc.Arbitrary<Parts> {
  const { parts } = operation
  const known = knownTo(operation)
  const made = PLACES.flatMap((place) => {
    const schema: JsonSchema | undefined = parts[place]
    const breaks = isBroken && place === (parts.body ? 'body' : 'query')
    return schema
      ? [[place, (breaks && broken(schema, known, place === 'query')) || valid(schema, known)]]
      : []
  })
  return fc.record(Object.fromEntries(made)) as fc.Arbitrary<Parts>
}

/** Fails unless the server responded without a failure of its own, as documented. */
async function assertServed(operation: Operation, parts: Parts, isBroken: boolean): Promise<void> {
  const { status, body } = await send<{ code?: string }>(at.api, operation, parts)
  const what = `${operation.id} ${status} ${JSON.stringify(body)}`
  assert.ok(status < 500 || (status === 502 && body.code === 'provider_unavailable'), what)
  if (isBroken) assert.ok(status >= 400 && status < 500, what)
}

/** A failure prints the seed and the smallest request that fails. */
function check(operation: Operation, isBroken: boolean): Promise<void> {
  const property = fc.asyncProperty(requests(operation, isBroken), (parts) =>
    assertServed(operation, parts, isBroken),
  )
  return fc.assert(property, { numRuns: RUNS, seed: SEED })
}

for (const operation of OPERATIONS)
  describe(operation.id, () => {
    test('responds to every valid request as documented', () => check(operation, false))

    if (operation.path.startsWith('/api/'))
      test('refuses a request that is broken in one place', () => check(operation, true))
  })

test('after all these requests, MiniPay is sound and serves others', () => at.assertHealthy())
