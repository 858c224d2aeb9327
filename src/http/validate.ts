import { createRequire } from 'node:module'
import type { Ajv, ErrorObject, ValidateFunction } from 'ajv'
import { Refused, refuse } from './errors.ts'
import { NO_WORDS, type ParameterWords, refusalOfFaults } from './faults.ts'
import type { ObjectSchema } from './schema.ts'

type Ajvs = { readonly first: Ajv; readonly all: Ajv }
let ajvs: Ajvs | undefined

/** The first request that needs the validator's library loads it, so that a start does not wait for it. */
function load(): Ajvs {
  const { Ajv } = createRequire(import.meta.url)('ajv') as typeof import('ajv')
  ajvs ??= {
    first: new Ajv({ validateFormats: false }),
    all: new Ajv({ validateFormats: false, allErrors: true }),
  }
  return ajvs
}

/** Of a body with more members than this, at every depth, the check finds the first fault only: each takes time and memory. */
const MAX_MEMBERS = 1_000

/**
 * Returns a check of bodies against a schema, compiled at its first use. It returns the value with its type, and
 * throws `Refused` with the errors: codes, sentences and parameters. It never coerces values.
 */
export function bodyValidator<T>(
  schema: ObjectSchema<T>,
  words: ParameterWords = NO_WORDS,
): (value: unknown) => T {
  let isValid: ValidateFunction<T> | undefined
  let allFaults: ValidateFunction<T> | undefined
  return (value) => {
    isValid ??= load().first.compile<T>(schema)
    if (isValid(value)) return value
    let { errors } = isValid as { errors?: ErrorObject[] | null }
    if (membersOf(value) <= MAX_MEMBERS) {
      allFaults ??= load().all.compile<T>(schema)
      allFaults(value)
      errors = allFaults.errors
    }
    throw new Refused(refusalOfFaults(errors ?? [], Object.keys(schema.properties), words))
  }
}

/** The number of members and items of a value, at every depth. Beyond the bound it stops counting. */
function membersOf(value: unknown): number {
  let members = 0
  const open = [value]
  for (let part = open.pop(); part !== undefined && members <= MAX_MEMBERS; part = open.pop()) {
    if (typeof part !== 'object' || part === null) continue
    const inner = Object.values(part)
    members += inner.length
    if (members <= MAX_MEMBERS) open.push(...inner)
  }
  return members
}

/** The same for query strings. Digits become a number where the schema has an integer. */
export function queryValidator<T>(
  schema: ObjectSchema<T>,
  words: ParameterWords = NO_WORDS,
): (query: unknown) => T {
  const check = bodyValidator(schema, words)
  const integers = Object.keys(schema.properties).filter(
    (name) => schema.properties[name]?.['type'] === 'integer',
  )
  return (query) => {
    const values: Record<string, unknown> = { ...(query as Record<string, unknown>) }
    for (const name of integers) {
      const text = values[name]
      if (typeof text === 'string' && /^-?\d{1,16}$/.test(text)) values[name] = Number(text)
    }
    for (const [name, value] of Object.entries(values)) {
      if (Array.isArray(value))
        throw new Refused(
          refuse('parameter_invalid', 'A query parameter was given more than once. Give it once.', name),
        )
      if (typeof value === 'string' && value.includes('\0'))
        throw new Refused(refuse('parameter_invalid', 'A query parameter contains a NUL.', name))
    }
    return check(values)
  }
}
