/**
 * Conditions in CEL (https://cel.dev), the Common Expression Language. Import this when the first rule set with a
 * condition comes: a server without rules need not pay for the library.
 *
 * `@marcbachmann/cel-js` against `@bufbuild/cel`, measured: 36 ms and 10 MB to load against 157 ms and 31 MB,
 * 0.4 µs against 2.7 µs for a condition of four parts, no dependency against three; and it checks types with
 * positions, which the other does not offer to its users yet. What it lacks, a bound on regular expressions and
 * on nested loops, is why only the calls below are let through: what is left is evaluated at most once a part.
 */
import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import { serialize } from '@marcbachmann/cel-js/serialize'
import type { Facts } from '../domain/routing/choose.ts'
import type { CompileCondition, Position } from '../domain/routing/rule-set.ts'

const VARIABLES = {
  amount: 'int',
  currency: 'string',
  customer: 'string',
  payment_method: 'string',
  metadata: 'map<string, string>',
  time: 'google.protobuf.Timestamp',
} as const

const TIME_GETTERS = [
  'getFullYear',
  'getMonth',
  'getDate',
  'getDayOfMonth',
  'getDayOfWeek',
  'getDayOfYear',
  'getHours',
  'getMinutes',
  'getSeconds',
  'getMilliseconds',
]
/** Functions of CEL's standard library whose cost is that of reading their arguments, with how many they take. */
const FUNCTIONS: Readonly<Record<string, number>> = {
  has: 1,
  size: 1,
  int: 1,
  double: 1,
  string: 1,
  timestamp: 1,
  duration: 1,
}
const METHODS: Readonly<Record<string, number>> = {
  startsWith: 1,
  endsWith: 1,
  contains: 1,
  lowerAscii: 0,
  upperAscii: 0,
  trim: 0,
  size: 0,
  ...Object.fromEntries(TIME_GETTERS.map((getter) => [getter, 0])),
}
const ALLOWED = [
  ...Object.keys(FUNCTIONS).map((name) => `${name}()`),
  ...Object.keys(METHODS).map((name) => `.${name}()`),
]

/** Deeper or larger than any condition of its length that someone would write. */
const LIMITS = {
  maxAstNodes: 500,
  maxDepth: 32,
  maxListElements: 200,
  maxMapEntries: 50,
  maxCallArguments: 4,
}

const environment = new Environment({ limits: LIMITS })
for (const [name, type] of Object.entries(VARIABLES)) environment.registerVariable(name, type)

/** Compiles a condition, which must be of type bool and call nothing but what is let through. */
export const compileCondition: CompileCondition = (text) => {
  const checked = environment.check(text)
  if (!checked.valid) return fault(text, checked.error)
  if (checked.type !== 'bool')
    return {
      position: place(text, 0),
      message: `A condition is true or false; this is of the type ${checked.type}.`,
    }
  const program = environment.parse(text)
  const refused = refusedCall(program.ast)
  if (refused) return { position: place(text, refused.node.pos), message: refused.message }
  forgetText(program.ast)
  const holds = (facts: Facts): boolean => evaluate(() => program(bindings(facts)))
  const parts = conjuncts(program.ast).map(serialize)
  return {
    holds,
    whyNot: (facts) => whyNot(parts, facts),
    constant: asksNothing(program.ast) ? constantValue(holds) : null,
    conjuncts: parts,
  }
}

type CelError = Error & {
  readonly summary?: string
  readonly range?: { readonly start: number }
  readonly code?: string
}

function fault(text: string, error: CelError | undefined): { position: Position; message: string } {
  const summary = error?.summary ?? 'The condition cannot be parsed'
  const variables =
    error?.code === 'unknown_variable' ? `; there are ${Object.keys(VARIABLES).join(', ')}` : ''
  return { position: place(text, error?.range?.start ?? 0), message: `${summary}${variables}.` }
}

function place(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1) as string).length + 1, offset }
}

/**
 * Without the text the library draws no picture of the place into each error that it throws: of a condition about absent
 * metadata that is one a part, and it took most of the time.
 */
function forgetText(node: ASTNode): void {
  Object.defineProperty(node, 'input', { value: '' })
  children(node).forEach(forgetText)
}

/** The value of a program; what it throws becomes a sentence without the library's drawing of the place. */
function evaluate(run: () => unknown): boolean {
  const { stackTraceLimit } = Error
  // Errors are values to the library: of each part of an `||`. Nothing reads where they were thrown.
  Error.stackTraceLimit = 0
  try {
    return run() === true
  } catch (error) {
    throw new Error(`${(error as CelError).summary ?? 'it failed'}.`)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

let last: { readonly facts: Facts; readonly values: Record<string, unknown> } | undefined

/** A charge's facts as CEL's values. The last are kept: all the rules of a set ask about the same ones. */
function bindings(facts: Facts): Record<string, unknown> {
  if (last?.facts === facts) return last.values
  const values = {
    amount: BigInt(facts.amount),
    currency: facts.currency,
    customer: facts.customer,
    payment_method: facts.paymentMethod ?? '',
    // A map, not the object: the library asks an object for its `constructor`, which is a key that anyone may send.
    metadata: new Map(Object.entries(facts.metadata)),
    time: new Date(facts.time),
  }
  last = { facts, values }
  return values
}

function whyNot(parts: readonly string[], facts: Facts): string {
  for (const part of parts) {
    try {
      if (environment.evaluate(part, bindings(facts)) !== true) return `${part} is false.`
    } catch (error) {
      return `${part}: ${(error as CelError).summary ?? 'it failed'}.`
    }
  }
  return 'It is false.'
}

const NO_FACTS: Facts = {
  seed: '',
  amount: 0,
  currency: '',
  customer: '',
  paymentMethod: null,
  metadata: {},
  time: 0,
}

/** A condition that asks about nothing and can't be evaluated is never true. */
function constantValue(holds: (facts: Facts) => boolean): boolean {
  try {
    return holds(NO_FACTS)
  } catch {
    return false
  }
}

function asksNothing(node: ASTNode): boolean {
  return node.op !== 'id' && children(node).every(asksNothing)
}

function conjuncts(node: ASTNode): ASTNode[] {
  return node.op === '&&' ? node.args.flatMap(conjuncts) : [node]
}

/** The first call of what is not let through, with why. */
function refusedCall(node: ASTNode): { node: ASTNode; message: string } | undefined {
  if (node.op === 'call' || node.op === 'rcall') {
    const [name, allowed] = [node.args[0], node.op === 'call' ? FUNCTIONS : METHODS]
    const given = node.op === 'call' ? node.args[1].length : node.args[2].length
    if (!Object.hasOwn(allowed, name))
      return { node, message: `${name}() is not for conditions; there are ${ALLOWED.join(', ')}.` }
    if (given !== allowed[name]) {
      const why = TIME_GETTERS.includes(name)
        ? `${name}() takes no time zone: time is in UTC.`
        : `${name}() takes ${allowed[name]}.`
      return { node, message: why }
    }
  }
  for (const child of children(node)) {
    const refused = refusedCall(child)
    if (refused) return refused
  }
  return undefined
}

function children(node: ASTNode): readonly ASTNode[] {
  return nodesIn(node.args)
}

function nodesIn(value: unknown): readonly ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn)
  return isNode(value) ? [value] : []
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}
