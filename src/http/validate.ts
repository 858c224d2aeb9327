import { createRequire } from 'node:module'
import type { Ajv, ErrorObject, ValidateFunction } from 'ajv'
import { type ErrorCode, type Rejection, reject } from '../domain/error.ts'
import { Refused } from './errors.ts'
import type { ObjectSchema } from './schema.ts'

/** Parameters whose every fault but absence has a code of its own. */
const NAMED_CODES: Readonly<Record<string, ErrorCode>> = {
  amount: 'amount_invalid',
  currency: 'currency_invalid',
  starting_after: 'cursor_invalid',
  ending_before: 'cursor_invalid',
  after: 'cursor_invalid',
  before: 'cursor_invalid',
}

let ajv: Ajv | undefined

/** The validator's library is loaded with the first request that needs it: a start need not wait for it. */
function compile<T>(schema: ObjectSchema<T>): ValidateFunction<T> {
  ajv ??= new (createRequire(import.meta.url)('ajv') as typeof import('ajv')).Ajv({ validateFormats: false })
  return ajv.compile<T>(schema)
}

/**
 * A check of bodies against a schema, compiled at its first use. Answers the value with its type; throws
 * `Refused` with the first fault: its code, a sentence, the parameter to blame. Values are never coerced.
 */
export function bodyValidator<T>(schema: ObjectSchema<T>): (value: unknown) => T {
  let valid: ValidateFunction<T> | undefined
  return (value) => {
    valid ??= compile(schema)
    if (!valid(value)) throw new Refused(rejectionOf(valid.errors?.[0]))
    return value
  }
}

/** The same for query strings, whose digits become numbers where the schema wants an integer. */
export function queryValidator<T>(schema: ObjectSchema<T>): (query: unknown) => T {
  const check = bodyValidator(schema)
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
        throw new Refused(reject('parameter_invalid', 'A query parameter was given more than once.', name))
      if (typeof value === 'string' && value.includes('\0'))
        throw new Refused(reject('parameter_invalid', 'A query parameter holds a NUL.', name))
    }
    return check(values)
  }
}

/** The first fault that was found: what is missing comes before what is unknown, and that before what is wrong. */
function rejectionOf(error: ErrorObject | undefined): Rejection {
  const { keyword, instancePath, params, message } = error as ErrorObject
  if (keyword === 'required') {
    const param = paramOf(instancePath, params['missingProperty'])
    return reject('parameter_missing', `The parameter ${param} is missing.`, param)
  }
  if (keyword === 'additionalProperties' && instancePath !== '') {
    const param = paramOf(instancePath)
    return reject('parameter_invalid', `The parameter ${param} holds a key outside its limits.`, param)
  }
  if (keyword === 'additionalProperties') {
    const name: string = params['additionalProperty']
    // The name came from the client: it is repeated only when it is plain.
    const param = /^[A-Za-z0-9_[\].-]{1,64}$/.test(name) ? paramOf(instancePath, name) : undefined
    return reject('parameter_unknown', `There is no parameter ${param ?? 'of that name'}.`, param)
  }
  if (instancePath === '') return reject('parameter_invalid', 'The body must be a JSON object.')
  const param = paramOf(instancePath)
  const code = NAMED_CODES[param] ?? 'parameter_invalid'
  const why = keyword === 'enum' ? `must be one of ${params['allowedValues'].join(', ')}` : message
  return reject(code, `The parameter ${param} is invalid: it ${why}.`, param)
}

/** `/metadata/colour` and `size` become `metadata.size`; names below metadata are the client's and are left out. */
function paramOf(instancePath: string, name?: string): string {
  const [first = '', ...rest] = instancePath.split('/').slice(1)
  if (rest.length > 0) return first
  return [first, name].filter(Boolean).join('.')
}
