/** Random values that fit a schema, and values that fit but for one place. */
import fc from 'fast-check'
import type { JsonSchema } from './operations.ts'

type Any = fc.Arbitrary<unknown>
/** Values that mean something to the server, by the name of their property: ids that exist, names of providers. */
export type Known = Readonly<Record<string, readonly unknown[]>>

const MAX_TEXT = 60

/** Values that fit a schema; those of a property with known values are mostly one of them. */
export function valid(schema: JsonSchema, known: Known, name = ''): Any {
  const own = fitting(schema, known)
  const meant = known[name]
  return meant
    ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...meant) }, { weight: 1, arbitrary: own })
    : own
}

function fitting(schema: JsonSchema, known: Known): Any {
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => valid(one, known)))
  switch (schema.type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
      return integers(schema)
    case 'string':
      return texts(schema)
    case 'array':
      return fc.array(valid(schema.items ?? {}, known, 'provider'), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      })
    case 'object':
      return schema.properties ? objects(schema, known) : maps(schema, known)
    default:
      return fc.jsonValue()
  }
}

function integers({ minimum = -5, maximum = Number.MAX_SAFE_INTEGER }: JsonSchema): Any {
  const small = fc.integer({ min: minimum, max: Math.min(maximum, minimum + 3_000) })
  return fc.oneof(
    { weight: 6, arbitrary: small },
    { weight: 1, arbitrary: fc.constantFrom(minimum, maximum) },
  )
}

function texts({ pattern, format, minLength = 0, maxLength = MAX_TEXT }: JsonSchema): Any {
  if (format === 'date-time')
    return fc
      .date({ min: new Date('1970-01-01'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
      .map((date) => date.toISOString())
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern, 'u'))
  const limits = { minLength, maxLength: Math.min(maxLength, MAX_TEXT) }
  return fc.oneof(fc.string({ ...limits, unit: 'grapheme-ascii' }), fc.string({ ...limits, unit: 'binary' }))
}

function objects({ properties = {}, required = [] }: JsonSchema, known: Known): Any {
  const parts = Object.entries(properties).map(([name, part]) => [name, valid(part, known, name)] as const)
  return fc
    .record(Object.fromEntries(parts), { requiredKeys: required as string[] })
    .map((value) => ({ ...(value as object) }))
}

function maps({ additionalProperties, maxProperties = 5 }: JsonSchema, known: Known): Any {
  const names = fc
    .string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' })
    .filter((name) => !name.includes('\\'))
  const pairs = fc.array(fc.tuple(names, valid(additionalProperties || {}, known)), {
    maxLength: Math.min(maxProperties, 5),
  })
  return pairs.map((list) => Object.fromEntries(list))
}

/**
 * Valid values with one place broken: a member missing, unknown, or with a value that does not fit its schema. Undefined
 * where every value fits. With `asText`, each value is sent as text, as in a query, and so has no type.
 */
export function broken(schema: JsonSchema, known: Known, asText = false): Any | undefined {
  const ways = schema.properties ? brokenObjects(schema, known, asText) : brokenValues(schema, known, asText)
  return ways.length > 0 ? fc.oneof(...ways) : undefined
}

function brokenObjects(schema: JsonSchema, known: Known, asText: boolean): Any[] {
  const { properties = {}, required = [], additionalProperties } = schema
  const whole = valid(schema, known) as fc.Arbitrary<Record<string, unknown>>
  const without = required.map((name) => whole.map(({ [name]: _, ...rest }) => rest))
  const unknown = whole.map((value) => ({ ...value, no_such_name: 1 }))
  const within = Object.entries(properties).flatMap(([name, part]) => {
    const wrong = broken(part, known, asText)
    return wrong ? [fc.tuple(whole, wrong).map(([value, bad]) => ({ ...value, [name]: bad }))] : []
  })
  return [...without, ...(additionalProperties === false ? [unknown] : []), ...within]
}

const some = (...values: unknown[]): Any[] => values.map((value) => fc.constant(value))

function brokenValues(schema: JsonSchema, known: Known, asText: boolean): Any[] {
  const { type, items, minLength, maxLength, minimum } = schema
  if (items) {
    const wrong = broken(items, known)
    return [...some('no list'), ...(wrong ? [fc.array(wrong, { minLength: 1, maxLength: 2 })] : [])]
  }
  if (schema.propertyNames) return some([], 7, { ['n'.repeat(41)]: 'v' }, { n: null })
  if (schema.anyOf) return some({ neither: 'of them' })
  if (schema.enum) return some('no such word', 7)
  if (type === 'boolean') return some('true', 1)
  if (type === 'integer')
    return some('text', 1.5, null, 2 ** 60, ...(minimum === undefined ? [] : [minimum - 1]))
  if (type !== 'string') return []
  return some(
    ...(asText ? [] : [7, [], null]),
    ...(schema.format === undefined ? [] : ['yesterday', '2026-02-30T00:00:00Z']),
    ...(maxLength === undefined ? [] : ['x'.repeat(maxLength + 1)]),
    ...(minLength === undefined ? [] : ['']),
  )
}
