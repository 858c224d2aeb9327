import { type Body, isObject, text } from './json.ts'

/** Every fault of the simulator, with the payment method that selects it, and its effect. */
export const FAULTS = {
  decline: { token: 'tok_fault_decline', doc: 'is declined as `do_not_honor`' },
  late: {
    token: 'tok_fault_late',
    doc: 'responds `pending`, is done `late_ms` later, then sends a notification',
  },
  error: { token: 'tok_fault_error', doc: 'responds 500 without doing it' },
  error_after: { token: 'tok_fault_error_after', doc: 'is done, but responds 500' },
  hang: { token: 'tok_fault_hang', doc: 'is not done, and gets no response' },
  cut_before: { token: 'tok_fault_cut_before', doc: 'the connection is cut before the call is done' },
  cut_after: { token: 'tok_fault_cut_after', doc: 'is done, but the connection is cut before the response' },
  hold_before: {
    token: 'tok_fault_hold_before',
    doc: 'is done, and gets a response, only after `POST /release`',
  },
  hold_after: {
    token: 'tok_fault_hold_after',
    doc: 'is done at once, but gets a response only after `POST /release`',
  },
  requires_action: {
    token: 'tok_requires_action',
    doc: "responds `pending` with the URL of the simulator's own page, where the customer approves or rejects",
  },
  wrong_amount: { token: 'tok_wrong_amount', doc: 'is done, but the response has twice the amount' },
  wrong_currency: { token: 'tok_wrong_currency', doc: 'is done, but the response has another currency' },
  html: { token: 'tok_html', doc: 'is done, but the response is an HTML page with status 502' },
  half_json: { token: 'tok_half_json', doc: 'is done, but the response is only the first half of the JSON' },
  huge: { token: 'tok_huge', doc: 'is done, but the response has a body of 1 GB' },
  empty: { token: 'tok_empty', doc: 'is done, but the response is 200 without a body' },
  reused_reference: {
    token: 'tok_reused_reference',
    doc: 'is refused as if its reference had been used for another call',
  },
  unknown_decline: { token: 'tok_unknown_decline', doc: 'is declined with a code that is in no table' },
  odd_decline: { token: 'tok_odd_decline', doc: 'is declined with a code that has an invalid form' },
  echo: {
    token: 'tok_echo',
    doc: 'is declined with a message that contains the secret and a test card number',
  },
} as const satisfies Record<string, { token: string; doc: string }>
export type Fault = keyof typeof FAULTS

export const OPERATIONS = ['authorize', 'capture', 'cancel', 'refund', 'lookup'] as const
export type Operation = (typeof OPERATIONS)[number]

/** The payment methods of the simulator, in addition to the sandbox's. */
export const FAULT_TOKENS: ReadonlyMap<string, Fault> = new Map(
  Object.entries(FAULTS).map(([fault, { token }]) => [token, fault as Fault]),
)

/** Faults that a lookup cannot have, because it changes nothing. */
const NOT_OF_LOOKUPS: ReadonlySet<Fault> = new Set([
  'decline',
  'late',
  'requires_action',
  'wrong_amount',
  'wrong_currency',
  'reused_reference',
  'unknown_decline',
  'odd_decline',
  'echo',
])

/** Share of calls, 0 to 1, by fault; their sum is at most 1. `latency_ms` delays every call, `late_ms` is how late is late. */
export type FaultSettings = {
  readonly latency_ms: number
  readonly late_ms: number
  readonly seed: number
  readonly rates: Readonly<Partial<Record<Fault, number>>>
}
const CALM: FaultSettings = { latency_ms: 0, late_ms: 200, seed: 1, rates: {} }

export type Faults = {
  readonly settings: FaultSettings
  /** Replaces all settings; returns a sentence if they are invalid. */
  set(body: Body): string | undefined
  /** Arms the next `count` calls of an operation; returns a sentence if that is not possible. */
  arm(body: Body): string | undefined
  /** The fault of this call: armed, chosen by its payment method or metadata, or drawn. */
  next(operation: Operation, body: Body): Fault | undefined
}

export function createFaults(): Faults {
  let settings = CALM
  let draw = random(CALM.seed)
  const armed = new Map<Operation, Fault[]>()
  /** References whose own fault has occurred: the simulator serves the same call again. */
  const served = new Set<string>()

  function requestedFault(body: Body): Fault | undefined {
    const metadata = isObject(body['metadata']) ? body['metadata'] : {}
    const fault = FAULT_TOKENS.get(text(body['payment_method'])) ?? faultOf(metadata['fault'])
    const reference = text(body['reference'])
    if (fault === undefined || served.has(reference)) return undefined
    served.add(reference)
    return fault
  }

  function randomFault(operation: Operation): Fault | undefined {
    const entries = Object.entries(settings.rates) as [Fault, number][]
    if (entries.length === 0) return undefined
    let at = draw()
    for (const [fault, rate] of entries) {
      at -= rate
      if (at < 0) return operation === 'lookup' && NOT_OF_LOOKUPS.has(fault) ? undefined : fault
    }
    return undefined
  }

  return {
    get settings() {
      return settings
    },
    set(body) {
      const wanted = settingsOf(body)
      if (typeof wanted === 'string') return wanted
      settings = wanted
      draw = random(settings.seed)
      return undefined
    },
    arm(body) {
      const { operation, count = 1 } = body
      const fault = faultOf(body['fault'])
      const known = OPERATIONS.find((one) => one === operation)
      if (!known) return `operation must be one of ${OPERATIONS.join(', ')}`
      if (!fault) return `fault must be one of ${Object.keys(FAULTS).join(', ')}`
      if (!isCount(count, 10_000)) return 'count must be a whole number from 0 to 10000'
      armed.set(known, [...(armed.get(known) ?? []), ...Array<Fault>(Number(count)).fill(fault)])
      return undefined
    },
    next: (operation, body) =>
      armed.get(operation)?.shift() ?? requestedFault(body) ?? randomFault(operation),
  }
}

/** The settings, or a sentence about the error in them. */
function settingsOf(body: Body): FaultSettings | string {
  const { latency_ms = 0, late_ms = CALM.late_ms, seed = CALM.seed, ...rates } = body
  for (const [name, value] of Object.entries({ latency_ms, late_ms, seed }))
    if (!isCount(value, 600_000)) return `${name} must be a whole number from 0 to 600000`
  let sum = 0
  for (const [name, rate] of Object.entries(rates)) {
    if (faultOf(name) === undefined) return `${name} is not a fault`
    if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1)) return `${name} must be a rate from 0 to 1`
    sum += rate
  }
  if (sum > 1 + 1e-9) return 'the rates must sum to at most 1'
  return { latency_ms: Number(latency_ms), late_ms: Number(late_ms), seed: Number(seed), rates }
}

function faultOf(value: unknown): Fault | undefined {
  return typeof value === 'string' && Object.hasOwn(FAULTS, value) ? (value as Fault) : undefined
}

function isCount(value: unknown, most: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= most
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32, Tommy Ettinger 2017, public domain). */
function random(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
