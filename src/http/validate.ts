import type { Static, TObject } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { type ErrorCode, type Rejection, reject } from '../domain/error.ts'
import { Refused } from './errors.ts'

/** Parameters whose every fault but absence has a code of its own. */
const NAMED_CODES: Readonly<Record<string, ErrorCode>> = {
  amount: 'amount_invalid',
  currency: 'currency_invalid',
  starting_after: 'cursor_invalid',
  ending_before: 'cursor_invalid',
  after: 'cursor_invalid',
  before: 'cursor_invalid',
}

/**
 * A check of bodies against a schema, compiled at its first use. Answers the value with its type; throws
 * `Refused` with the first fault: its code, a sentence, the parameter to blame. Values are never coerced.
 */
export function bodyValidator<T extends TObject>(schema: T): (value: unknown) => Static<T> {
  let validator: Validator | undefined
  return (value) => {
    validator ??= Compile(schema)
    if (!validator.Check(value)) throw new Refused(firstFault(validator.Errors(value), 'body'))
    return value as Static<T>
  }
}

/** The same for query strings, whose digits become numbers where the schema wants an integer. */
export function queryValidator<T extends TObject>(schema: T): (query: unknown) => Static<T> {
  const check = bodyValidator(schema)
  const integers = Object.entries(schema.properties)
    .filter(([, property]) => 'type' in property && property.type === 'integer')
    .map(([name]) => name)
  return (query) => {
    const values: Record<string, unknown> = { ...(query as Record<string, unknown>) }
    for (const name of integers) {
      const text = values[name]
      if (typeof text === 'string' && /^\d{1,16}$/.test(text)) values[name] = Number(text)
    }
    for (const [name, value] of Object.entries(values))
      if (typeof value === 'string' && value.includes('\0'))
        throw new Refused(reject('parameter_invalid', 'A query parameter holds a NUL.', name))
    return check(values)
  }
}

function firstFault(errors: TLocalizedValidationError[], what: string): Rejection {
  const missing = errors.find((error) => error.keyword === 'required')
  const unknown = errors.find((error) => error.keyword === 'additionalProperties')
  const [error] = errors
  if (missing) {
    const param = paramOf(missing.instancePath, missing.params.requiredProperties[0])
    return reject('parameter_missing', `The parameter ${param} is missing.`, param)
  }
  if (unknown && unknown.instancePath !== '') {
    const param = paramOf(unknown.instancePath)
    return reject('parameter_invalid', `The parameter ${param} holds a key outside its limits.`, param)
  }
  if (unknown) {
    const name = unknown.params.additionalProperties[0]
    // The name came from the client: it is repeated only when it is plain.
    const param = name !== undefined && /^[A-Za-z0-9_[\].-]{1,64}$/.test(name) ? name : undefined
    return reject('parameter_unknown', `There is no parameter ${param ?? 'of that name'}.`, param)
  }
  if (!error || error.instancePath === '')
    return reject('parameter_invalid', `The ${what} must be a JSON object.`)
  const param = paramOf(error.instancePath)
  const code = NAMED_CODES[param] ?? 'parameter_invalid'
  return reject(code, `The parameter ${param} is invalid: it ${error.message}.`, param)
}

/** `/metadata/colour` and `size` become `metadata.size`; names below metadata are the client's and are left out. */
function paramOf(instancePath: string, name?: string): string {
  const [first = '', ...rest] = instancePath.split('/').slice(1)
  if (rest.length > 0) return first
  return [first, name].filter(Boolean).join('.')
}
