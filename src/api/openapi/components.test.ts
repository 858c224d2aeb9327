import assert from 'node:assert/strict'
import { test } from 'node:test'
import { integer, named, nullable, object, optional, record, string } from '../../http/schema.ts'
import { createComponents } from './components.ts'

const Money = named('Money', integer({ minimum: 1, description: 'Minor units.' }), 'Cents.')
const REFERENCE = '#/components/schemas/Money'

test('a named schema is written once and referred to, also where it is optional or nullable', () => {
  const { write, schemas } = createComponents()
  assert.deepEqual(write(object({ a: Money, b: optional(Money), c: nullable(Money) })), {
    type: 'object',
    required: ['a', 'c'],
    properties: {
      a: { $ref: REFERENCE },
      b: { $ref: REFERENCE },
      c: { anyOf: [{ $ref: REFERENCE }, { type: 'null' }] },
    },
  })
  assert.deepEqual(schemas(), { Money: { type: 'integer', minimum: 1, description: 'Cents.' } })
})

test('a copy with another description, example or default refers to it with that beside', () => {
  const { write } = createComponents()
  const beside = { description: 'What is left.', examples: [0], default: 0 }
  assert.deepEqual(write({ ...Money, ...beside }), { $ref: REFERENCE, ...beside })
})

test('a copy with other limits is another schema, and so is one that lacks some', () => {
  const { write, schemas } = createComponents()
  const { minimum: _, ...unlimited } = Money
  assert.deepEqual(write({ ...Money, minimum: 0 }), { type: 'integer', minimum: 0, description: 'Cents.' })
  assert.deepEqual(write(unlimited as typeof Money), { type: 'integer', description: 'Cents.' })
  assert.deepEqual(schemas(), {})
})

test('one name of two schemas is an error', () => {
  const { write } = createComponents()
  write(Money)
  write(named('Money', integer({ minimum: 1 }), 'Cents.'))
  assert.throws(() => write(named('Money', string())), /Two schemas have the name Money/)
})

test('a map by a pattern is written in the words that generators know', () => {
  const { write } = createComponents()
  assert.deepEqual(write(record('^[a-z]+$', string({ maxLength: 9 }), { maxProperties: 2 })), {
    type: 'object',
    maxProperties: 2,
    propertyNames: { pattern: '^[a-z]+$' },
    additionalProperties: { type: 'string', maxLength: 9 },
  })
})
