/** What is wrong with a request's parameters, as sentences that say what to change. */
import type { ErrorObject } from 'ajv'
import { holdsCardNumber } from '../domain/card-numbers.ts'
import { type ErrorCode, type Rejection, reject } from '../domain/error.ts'
import { CURRENCY_WANTED } from '../domain/limits.ts'
import { suggest } from '../suggest.ts'

/** Parameters whose every fault but absence has a code of its own. */
const NAMED_CODES: Readonly<Record<string, ErrorCode>> = {
  amount: 'amount_invalid',
  currency: 'currency_invalid',
  starting_after: 'cursor_invalid',
  ending_before: 'cursor_invalid',
  after: 'cursor_invalid',
  before: 'cursor_invalid',
}

/** What other APIs call them: the first that the route takes is meant. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  source: ['payment_method'],
  card: ['payment_method'],
  token: ['payment_method'],
  payment_method_id: ['payment_method'],
  charge: ['transaction_id'],
  charge_id: ['transaction_id'],
  payment: ['transaction_id'],
  payment_intent: ['transaction_id'],
  id: ['transaction_id'],
  customer_id: ['customer'],
  user: ['customer'],
  email: ['customer'],
  value: ['amount'],
  total: ['amount'],
  cents: ['amount'],
  price: ['amount'],
  amount_minor: ['amount'],
  amount_to_capture: ['amount'],
  currency_code: ['currency'],
  auto_capture: ['capture'],
  capture_method: ['capture'],
  meta: ['metadata'],
  note: ['description', 'reason'],
  rules: ['document'],
  document: ['rules'],
  type: ['event_type'],
  event: ['event_type', 'type'],
  state: ['status'],
  per_page: ['limit'],
  page_size: ['limit'],
  count: ['limit'],
  page: ['starting_after', 'after', 'before'],
  cursor: ['starting_after', 'after', 'before'],
  offset: ['starting_after', 'after', 'before'],
  starting_after: ['after', 'before'],
  since: ['created_gte', 'after'],
  from: ['created_gte', 'after'],
  until: ['created_lt', 'before'],
  to: ['created_lt'],
}

/** So many faults are told of one request. */
const MAX_TOLD = 10

/**
 * The rejection for these faults, of which there is at least one: what is missing comes before what is unknown, and that
 * before what is wrong. With several, `problems` has each. `known` are the parameters that there are.
 */
export function rejectionOfFaults(errors: readonly ErrorObject[], known: readonly string[]): Rejection {
  const faults = errors.map((error) => faultOf(error, known)).sort((a, b) => rank(a) - rank(b))
  const told = new Set<string>()
  const distinct = faults.filter(({ message }) => told.size < told.add(message).size)
  const [first, ...others] = distinct.slice(0, MAX_TOLD) as [Rejection, ...Rejection[]]
  if (others.length === 0) return first
  const problems = [first, ...others].map(({ param = '', message }) => ({
    path: param,
    position: null,
    message,
  }))
  return { ...first, message: `${first.message} (${others.length} more in problems.)`, problems }
}

/** Of a list, a text, or no body at all. */
const NO_OBJECT = 'The body must be a JSON object, sent as Content-Type: application/json.'

const RANKED: readonly ErrorCode[] = ['parameter_missing', 'parameter_unknown']

function rank({ code }: Rejection): number {
  const place = RANKED.indexOf(code)
  return place < 0 ? RANKED.length : place
}

function faultOf(error: ErrorObject, known: readonly string[]): Rejection {
  const { keyword, instancePath, params } = error
  if (keyword === 'required') {
    const param = pathOf(instancePath, params['missingProperty'])
    return reject('parameter_missing', `The parameter ${param} is missing.`, param)
  }
  if (keyword === 'additionalProperties')
    return unknownName(instancePath, params['additionalProperty'], known)
  if (instancePath === '') return reject('parameter_invalid', NO_OBJECT)
  const param = pathOf(instancePath)
  const code = NAMED_CODES[param] ?? 'parameter_invalid'
  return reject(code, `The parameter ${param} must ${wanted(error, param)}.`, param)
}

/** What to send in the place of an unknown name. */
function hintFor(name: string, instancePath: string, known: readonly string[]): string {
  if (instancePath !== '') return ''
  if (/^idempotency_?key$/i.test(name)) return ' Send it as the header Idempotency-Key.'
  const others = Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined
  const other = others?.find((one) => known.includes(one))
  const meant = other ?? suggest(name, known)
  if (meant !== undefined) return ` Did you mean ${meant}?`
  return known.length === 0 ? ' This route takes none.' : ` This route takes ${known.join(', ')}.`
}

/** A name that there is not; in a map of the client's own names, one that is too long or empty. */
function unknownName(instancePath: string, name: string, known: readonly string[]): Rejection {
  const param = pathOf(instancePath, name)
  if (instancePath === '/metadata')
    return reject(
      'parameter_invalid',
      `The parameter ${param} must have a name of 1 to 40 characters.`,
      param,
    )
  if (!isPlain(name)) return reject('parameter_unknown', 'There is no parameter of that name.')
  return reject(
    'parameter_unknown',
    `There is no parameter ${param}.${hintFor(name, instancePath, known)}`,
    param,
  )
}

const CURRENCY_WANTS = { type: CURRENCY_WANTED, minLength: CURRENCY_WANTED, maxLength: CURRENCY_WANTED }
/** What some parameters must do in every case, where their schema's words would not say it. */
const WANTED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  amount: { type: 'be a whole number of minor units, such as 2500 for 25.00 usd' },
  currency: CURRENCY_WANTS,
  'charge.currency': CURRENCY_WANTS,
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'be a string',
  integer: 'be a whole number',
  number: 'be a number',
  boolean: 'be true or false',
  object: 'be an object',
  array: 'be a list',
  null: 'be null',
}

/** What a value must do, after "must". */
function wanted({ keyword, params, message }: ErrorObject, param: string): string {
  const own = Object.hasOwn(WANTED, param) ? WANTED[param]?.[keyword] : undefined
  if (own !== undefined) return own
  const limit: number = params['limit']
  switch (keyword) {
    case 'type':
      return TYPES[params['type']] ?? `be of the type ${params['type']}`
    case 'enum':
      return `be one of ${params['allowedValues'].join(', ')}`
    case 'maxLength':
      return `have at most ${limit} characters`
    case 'minLength':
      return limit === 1 ? 'not be empty' : `have at least ${limit} characters`
    case 'maximum':
      return `be at most ${limit}`
    case 'minimum':
      return `be at least ${limit}`
    case 'maxProperties':
      return `have at most ${limit} pairs`
    case 'maxItems':
      return `have at most ${limit} entries`
    case 'minItems':
      return `have at least ${limit} entries`
    case 'pattern':
      return `match ${params['pattern']}`
    default:
      return message?.replace(/^must /, '') ?? 'be of another form'
  }
}

/** `/metadata/colour` and `size` become `metadata.colour.size`. Names of the client's own are repeated only where they are plain. */
function pathOf(instancePath: string, name?: string): string {
  const names = instancePath.split('/').slice(1).map(unescaped)
  if (name !== undefined) names.push(name)
  const plain = names.findIndex((part) => !isPlain(part))
  return (plain < 0 ? names : names.slice(0, Math.max(plain, 1))).join('.')
}

/** As a JSON pointer (RFC 6901) writes it. */
function unescaped(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}

function isPlain(name: string): boolean {
  return /^[A-Za-z0-9_[\]-]{1,64}$/.test(name) && !holdsCardNumber(name)
}
