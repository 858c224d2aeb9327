import assert from 'node:assert/strict'
import test from 'node:test'
import Database from 'better-sqlite3'
import { attemptOf, chargeOf } from '../../test/kit/charges.ts'
import type { Refund } from '../domain/charge.ts'
import { ATTEMPTS, CHARGES, KEYS, NOUNS, VELOCITY_COUNTERS } from './columns.ts'
import { migrate } from './sqlite/migrate.ts'
import { amount, type Spec, type Specs, selectList, type Table, table, text } from './table.ts'

test('SQLite has a column for each property of a noun, and no others but those that only it needs', () => {
  const db = new Database(':memory:')
  migrate(db)
  const scope = ['account_id', 'live', 'details_id', 'first_event', 'first_transfer']
  for (const { name, columns } of [...NOUNS, KEYS, VELOCITY_COUNTERS]) {
    const own = name === KEYS.name ? [...scope, 'seq', 'event_seq', 'created_at'] : scope
    const found = db.pragma(`table_info(${name})`) as { name: string; type: string }[]
    assert.deepEqual(
      Object.fromEntries(
        found.filter((column) => !own.includes(column.name)).map(({ name, type }) => [name, type]),
      ),
      Object.fromEntries(columns.map(({ name, type }) => [name, type === 'text' ? 'TEXT' : 'INTEGER'])),
    )
  }
  db.close()
})

test('an item that is stored and read again is the same', () => {
  function read<T>({ columns, row, of }: Table<T>, item: T): T {
    return of(Object.fromEntries(columns.map(({ property }, i) => [property, row(item)[i]])))
  }
  for (const charge of [chargeOf(), chargeOf({ capture: false, metadata: { a: '"' } })])
    assert.deepEqual(read(CHARGES, charge), charge)
  const route = { ruleSetVersion: null, rule: 'default', next: [], skipped: [], failoverOn: [] }
  const full = {
    ...route,
    ruleSetVersion: 3,
    next: ['bank_b'],
    skipped: [{ provider: 'bank_c', reason: 'paused' }],
  }
  for (const attempt of [
    attemptOf('capture', 1),
    ...[route, full].map((of) => ({ ...attemptOf('authorize', 1), route: of })),
  ])
    assert.deepEqual(read(ATTEMPTS, attempt), attempt)
})

test('the changing columns of a row follow its id, and an update needs only these', () => {
  const attempt = { ...attemptOf('authorize', 1), reason: 'It timed out.' }
  const row = ATTEMPTS.row(attempt)
  assert.equal(row[0], attempt.id)
  assert.equal(row[ATTEMPTS.at.reason], attempt.reason)
  const changes = Object.fromEntries(ATTEMPTS.changing.map((name, i) => [name, ATTEMPTS.changesOf(row)[i]]))
  assert.deepEqual(
    [changes['state'], changes['reason'], changes['due_at']],
    [attempt.state, attempt.reason, attempt.dueAt],
  )
  assert.ok(!('id' in changes || 'provider' in changes))
})

test('columns that forget a property, or store it as another kind, do not pass the type checker', () => {
  type Noun = Pick<Refund, 'id' | 'chargeId' | 'amount'>
  const right = { id: text, chargeId: text, amount }
  assert.equal(
    selectList(table<Noun>('refunds', 're', right)),
    'id AS "id", charge_id AS "chargeId", amount AS "amount"',
  )
  type Fits<S> = S extends Specs<Noun> ? true : false
  type Right = typeof right
  type Less = Omit<Right, 'amount'>
  // The type checker refuses this line when one of the answers is another.
  const fits: [Fits<Right>, Fits<Less>, Fits<Less & { amount: Spec<'text'> }>] = [true, false, false]
  assert.equal(fits.length, 3)
})
