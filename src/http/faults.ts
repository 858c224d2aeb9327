/** Faults of a request's parameters, as sentences that say how to correct them. */
import type { ErrorObject } from 'ajv'
import { holdsCardNumber } from '../domain/cards/card-numbers.ts'
import { suggest } from '../suggest.ts'
import { type Refusal, refuse } from './errors.ts'

/** What an API adds to the schemas of its parameters, for the refusal of a wrong one. */
export type ParameterWords = {
  /** The refusals of parameters that have a code of their own for every fault but absence. */
  readonly refusals: Readonly<Record<string, (message: string, param: string) => Refusal>>
  /** The refusals of numbers with a fraction or an exponent, where they need more words. */
  readonly unplain: Readonly<Record<string, (message: string, param: string | undefined) => Refusal>>
  /** What other APIs call a parameter. The first name that the endpoint takes is suggested. */
  readonly otherNames: Readonly<Record<string, readonly string[]>>
  /** What a parameter must do, by its path and the schema's keyword, where the usual words say too little. */
  readonly wanted: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Without any of them. */
export const NO_WORDS: ParameterWords = { refusals: {}, unplain: {}, otherNames: {}, wanted: {} }

/** The most faults of a request that its refusal lists. */
const MAX_LISTED = 10

/**
 * The refusal for these faults, of which there is at least one: missing parameters come first, then unknown ones, then
 * wrong ones. With several faults, `problems` has each. `known` are the endpoint's parameters.
 */
export function refusalOfFaults(
  errors: readonly ErrorObject[],
  known: readonly string[],
  words: ParameterWords,
): Refusal {
  const faults = errors.map((error) => faultOf(error, known, words)).sort((a, b) => rank(a) - rank(b))
  const seen = new Set<string>()
  const distinct = faults.filter(({ message }) => seen.size < seen.add(message).size)
  const [first, ...others] = distinct.slice(0, MAX_LISTED) as [Refusal, ...Refusal[]]
  if (others.length === 0) return first
  const problems = [first, ...others].map(({ param = '', message }) => ({
    path: param,
    position: null,
    message,
  }))
  return { ...first, message: `${first.message} (${others.length} more in problems.)`, problems }
}

/** For a list, a text, or a missing body. */
const NO_OBJECT = 'The body must be a JSON object, sent as Content-Type: application/json.'

const RANKED: readonly string[] = ['parameter_missing', 'parameter_unknown']

function rank({ code }: Refusal): number {
  const place = RANKED.indexOf(code)
  return place < 0 ? RANKED.length : place
}

function faultOf(error: ErrorObject, known: readonly string[], words: ParameterWords): Refusal {
  const { keyword, instancePath, params } = error
  if (keyword === 'required') {
    const param = pathOf(instancePath, params['missingProperty'])
    return refuse('parameter_missing', `The parameter ${param} is missing.`, param)
  }
  if (keyword === 'additionalProperties')
    return unknownName(instancePath, params['additionalProperty'], known, words)
  if (instancePath === '') return refuse('parameter_invalid', NO_OBJECT)
  const param = pathOf(instancePath)
  const message = `The parameter ${param} must ${wanted(error, param, words)}.`
  const own = Object.hasOwn(words.refusals, param) ? words.refusals[param] : undefined
  return own ? own(message, param) : refuse('parameter_invalid', message, param)
}

/** A sentence with the name that the client probably meant. */
function hintFor(
  name: string,
  instancePath: string,
  known: readonly string[],
  words: ParameterWords,
): string {
  if (instancePath !== '') return ''
  if (/^idempotency_?key$/i.test(name)) return ' Send it as the header Idempotency-Key.'
  const others = Object.hasOwn(words.otherNames, name) ? words.otherNames[name] : undefined
  const other = others?.find((one) => known.includes(one))
  const meant = other ?? suggest(name, known)
  if (meant !== undefined) return ` Did you mean ${meant}?`
  return known.length === 0 ? ' This route takes none.' : ` This route takes ${known.join(', ')}.`
}

/** An unknown parameter; or a name of the client's own, in a map of them, that is too long or empty. */
function unknownName(
  instancePath: string,
  name: string,
  known: readonly string[],
  words: ParameterWords,
): Refusal {
  const param = pathOf(instancePath, name)
  const wantedName = words.wanted[pathOf(instancePath)]?.['additionalProperties']
  if (wantedName !== undefined)
    return refuse('parameter_invalid', `The parameter ${param} must ${wantedName}.`, param)
  if (!isPlain(name)) return refuse('parameter_unknown', 'There is no parameter of that name.')
  return refuse(
    'parameter_unknown',
    `There is no parameter ${param}.${hintFor(name, instancePath, known, words)}`,
    param,
  )
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

/** The words after "must". */
function wanted({ keyword, params, message }: ErrorObject, param: string, words: ParameterWords): string {
  const own = Object.hasOwn(words.wanted, param) ? words.wanted[param]?.[keyword] : undefined
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
