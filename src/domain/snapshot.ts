/**
 * Snapshots: the facts of a charge and of its change that an event, or the record of an idempotency key, stores. A
 * snapshot is canonical JSON: the fields in the order below, without those that have their usual value, with times in
 * ms since 1970. Each API decides which facts a client sees.
 */
import type { Alarm } from './alarm.ts'
import type { Charge, Decision, Dispute, Refund } from './charge.ts'

/** A charge in a snapshot. Its version only guards writes, so readers do not need it. */
export type ChargeFacts = Omit<Charge, 'version'>

/**
 * Former schemas stored fewer facts, and their events and responses keep the fields that they had: 1 has no captured,
 * pending or disputed amounts; 2 has no booked amounts of disputes; 1 to 3 have no requested cancels.
 */
export type Era = 1 | 2 | 3

/**
 * The request that an event is due to: its id, if the change was made on behalf of a request, and its idempotency key.
 * A later step of MiniPay's own, or a provider's, has no request id; its key is that of the request whose outcome it is.
 */
export type Cause = { readonly requestId: string | null; readonly key: string | null }

/** Why a provider did not do the requested call. */
export type Refusal = { readonly declineCode: string | null; readonly failureMessage: string | null }

/** A webhook endpoint in a snapshot: what an operator needs to find and repair it. */
export type EndpointFacts = {
  readonly id: string
  /** The origin alone, because a path may be a secret, and every endpoint of the scope may get the event. */
  readonly url: string
  /** Tells two URLs of one origin apart; null where a former version stored none, and the whole URL above. */
  readonly urlFingerprint: string | null
  readonly description: string | null
  readonly status: 'enabled' | 'disabled'
  readonly disabledReason: 'request' | 'gone' | 'failing' | null
  /** Since when every attempt failed, in ms since 1970; null if the last one succeeded, or none was made. */
  readonly failingSince: number | null
}

/** A charge after a change, or a webhook endpoint after one. */
export type Snapshot = ChargeSnapshot | EndpointSnapshot

export type EndpointSnapshot = {
  readonly endpoint: EndpointFacts
  readonly charge?: undefined
  readonly cause?: undefined
}

export type ChargeSnapshot = {
  readonly charge: ChargeFacts
  readonly endpoint?: undefined
  /** The objects of the event beside its charge. */
  readonly refund?: Refund | undefined
  readonly dispute?: Dispute | undefined
  readonly alarm?: Alarm | undefined
  /**
   * The former values of the charge's fields that the event changed; none for a new charge, or from a former schema.
   */
  readonly previous?: Partial<ChargeFacts> | undefined
  /** As `previous`, of the refund. */
  readonly previousRefund?: Partial<Refund> | undefined
  /** As `previous`, of the dispute. */
  readonly previousDispute?: Partial<Dispute> | undefined
  /** Absent if neither is known, and in snapshots of a former schema. */
  readonly cause?: Cause | undefined
  /** Only in snapshots of a former schema. */
  readonly era?: Era | undefined
}

/**
 * The facts that the record of a key has and its event lacks: a refusal that no object has, and objects that no event
 * contains.
 */
export type EndingFacts = Partial<ChargeSnapshot> & { readonly refusal?: Refusal | undefined }

/** Always written. */
const ALWAYS = Symbol()
/** MiniPay writes both or neither, so that a store finds a long text of both in one place. */
const DETAIL = Symbol()

type Fields<T> = { readonly [Name in keyof T]-?: T[Name] | typeof ALWAYS | typeof DETAIL }

/** Every field in order, with its usual value. */
const CHARGE = {
  id: ALWAYS,
  amount: ALWAYS,
  amountCaptured: 0,
  amountRefunded: 0,
  amountRefundPending: 0,
  amountDisputed: 0,
  currency: ALWAYS,
  customer: ALWAYS,
  status: ALWAYS,
  capture: true,
  paymentMethod: null,
  description: DETAIL,
  metadata: DETAIL,
  provider: ALWAYS,
  providerReference: null,
  declineCode: null,
  failureMessage: null,
  redirectUrl: null,
  expiresAt: null,
  cancelKey: null,
  idempotencyKey: ALWAYS,
  createdAt: ALWAYS,
} as const satisfies Fields<ChargeFacts>

const REFUND: Fields<Refund> = {
  id: ALWAYS,
  chargeId: ALWAYS,
  amount: ALWAYS,
  currency: ALWAYS,
  customer: ALWAYS,
  status: ALWAYS,
  reason: null,
  description: DETAIL,
  metadata: DETAIL,
  providerReference: null,
  declineCode: null,
  failureMessage: null,
  idempotencyKey: ALWAYS,
  createdAt: ALWAYS,
}

const DISPUTE: Fields<Dispute> = {
  id: ALWAYS,
  chargeId: ALWAYS,
  provider: ALWAYS,
  providerReference: ALWAYS,
  amount: ALWAYS,
  currency: ALWAYS,
  amountBooked: 0,
  customer: ALWAYS,
  status: ALWAYS,
  reason: null,
  evidenceDueAt: null,
  closedAt: null,
  createdAt: ALWAYS,
}

const ALARM: Fields<Alarm> = {
  id: ALWAYS,
  chargeId: ALWAYS,
  attemptId: null,
  disputeId: null,
  kind: ALWAYS,
  provider: ALWAYS,
  said: ALWAYS,
  reference: null,
  amount: null,
  currency: null,
  message: ALWAYS,
  state: ALWAYS,
  inDoubt: ALWAYS,
  openedAt: ALWAYS,
  closedAt: null,
  reason: null,
}

const ENDPOINT: Fields<EndpointFacts> = {
  id: ALWAYS,
  url: ALWAYS,
  urlFingerprint: null,
  description: null,
  status: ALWAYS,
  disabledReason: null,
  failingSince: null,
}

type Written = Record<string, unknown>

const FIELDS = {
  charge: Object.entries(CHARGE),
  refund: Object.entries(REFUND),
  dispute: Object.entries(DISPUTE),
  alarm: Object.entries(ALARM),
  endpoint: Object.entries(ENDPOINT),
} as const
/** The objects of a snapshot. */
type Part = keyof typeof FIELDS
/** The objects of a snapshot of a charge. */
export type ChargePart = Exclude<Part, 'endpoint'>
const PARTS = Object.keys(FIELDS) as Part[]

/** The fields that every snapshot of an object has, and those that it omits if they have their usual value. */
export function fieldsOf(part: ChargePart): { readonly always: string[]; readonly usual: string[] } {
  const names = (always: boolean) =>
    FIELDS[part].filter(([, usual]) => (usual === ALWAYS) === always).map(([name]) => name)
  return { always: names(true), usual: names(false) }
}

function usualOf(part: Part): Written {
  const usual = FIELDS[part].filter(([, value]) => value !== ALWAYS && value !== DETAIL)
  const details = FIELDS[part].some(([, value]) => value === DETAIL) && { description: null, metadata: {} }
  return { ...Object.fromEntries(usual), ...details }
}
const USUAL = Object.fromEntries(PARTS.map((part) => [part, usualOf(part)])) as Record<Part, Written>

/** The fields of an object that a snapshot has; the others are undefined, so that JSON lacks them. */
type Writer = (object: object, detailed: boolean) => Written

/**
 * A function for each object, made of its fields: V8 knows the shape of what it reads and of what it makes. A loop over the
 * names of the fields takes four times as long.
 */
function writerOf(part: Part): Writer {
  const fields = FIELDS[part].map(([name, usual]) => {
    if (usual === ALWAYS) return `${name}: object.${name}`
    if (usual === DETAIL) return `${name}: detailed ? object.${name} : undefined`
    return `${name}: object.${name} === ${JSON.stringify(usual)} ? undefined : object.${name}`
  })
  return new Function('object', 'detailed', `return { ${fields.join(', ')} }`) as Writer
}
const WRITERS = Object.fromEntries(PARTS.map((part) => [part, writerOf(part)])) as Record<Part, Writer>

function written(part: Part, object: object): Written {
  return WRITERS[part](object, isDetailed(object as Written))
}

function isDetailed({ description, metadata }: Written): boolean {
  if (typeof description === 'string') return true
  for (const _ in metadata as object | undefined) return true
  return false
}

type UsualOf = {
  readonly [P in keyof ChargeFacts as (typeof CHARGE)[P] extends symbol ? never : P]: ChargeFacts[P]
}
/** The values of a charge's fields if no step has set them: of a new charge, all of them. */
export const USUAL_CHARGE = USUAL.charge as UsualOf

/** The fields that a snapshot has of the former object, as above; undefined if it has none. */
type Former = (previous: Written, object: Written) => Written | undefined

/** As `writerOf`: only differences from the object, since a value may have changed and changed back in one commit. */
function formerWriterOf(part: Part): Former {
  const fields = FIELDS[part].map(
    ([name]) =>
      `${name}: '${name}' in previous && previous.${name} !== object.${name} ? (found = true, previous.${name}) : undefined`,
  )
  const body = `let found = false; const former = { ${fields.join(', ')} }; return found ? former : undefined`
  return new Function('previous', 'object', body) as Former
}
const FORMER = Object.fromEntries(PARTS.map((part) => [part, formerWriterOf(part)])) as Record<Part, Former>

function formerOf(part: Part, previous: object, object: object): Written | undefined {
  return FORMER[part](previous as Written, object as Written)
}

/** The canonical JSON of a snapshot, or of the facts of an ending. */
export function encodeFacts(facts: EndingFacts | EndpointSnapshot): string {
  if (facts.endpoint) return JSON.stringify({ endpoint: written('endpoint', facts.endpoint) })
  const { charge, refund, dispute, alarm, refusal, era } = facts
  const { previous, previousRefund, previousDispute, cause } = facts
  return JSON.stringify({
    charge: charge && written('charge', charge),
    refund: refund && written('refund', refund),
    dispute: dispute && written('dispute', dispute),
    alarm: alarm && written('alarm', alarm),
    previous: previous && charge && formerOf('charge', previous, charge),
    previousRefund: previousRefund && refund && formerOf('refund', previousRefund, refund),
    previousDispute: previousDispute && dispute && formerOf('dispute', previousDispute, dispute),
    refusal,
    era,
    cause: cause && writtenCause(cause, ownKey(facts)),
  })
}

/** The facts in a text that `encodeFacts` made. Throws a `SyntaxError` for invalid JSON. */
export function decodeFacts(text: string): EndingFacts {
  return factsIn(JSON.parse(text) as object)
}

/** The facts in the object of such a text. */
export function factsIn(shown: object): EndingFacts {
  const facts = shown as Partial<Record<Part, object>> & { readonly cause?: WrittenCause }
  const whole: Record<string, unknown> = { ...facts }
  for (const part of PARTS) if (facts[part]) whole[part] = { ...USUAL[part], ...facts[part] }
  if (facts.cause !== undefined) whole['cause'] = readCause(facts.cause, ownKey(whole as EndingFacts))
  return whole as EndingFacts
}

/**
 * The request id alone if the key is the one that the refund or charge has, as nearly always; otherwise a list of the
 * request id and such another key.
 */
type WrittenCause = string | readonly [requestId: string | null, key?: string | null]

function ownKey({ refund, charge }: EndingFacts): string | undefined {
  return (refund ?? charge)?.idempotencyKey
}

function writtenCause({ requestId, key }: Cause, own: string | undefined): WrittenCause | undefined {
  if (requestId === null && key === null) return undefined
  if (key !== own) return [requestId, key]
  return requestId ?? [null]
}

function readCause(written: WrittenCause, own: string | undefined): Cause {
  const [requestId, key = own ?? null] = typeof written === 'string' ? [written] : written
  return { requestId, key }
}

/** Like `decodeFacts`, for the data of an event, which always has its charge or its webhook endpoint. */
export function decodeSnapshot(text: string): Snapshot {
  return decodeFacts(text) as Snapshot
}

/** The beginnings of the data of all events, up to the id of its object. */
const BEGINNINGS = ['{"charge":{"id":"', '{"endpoint":{"id":"']

/** The id of the object of an event with this data: its charge, or its webhook endpoint. */
export function objectOfEvent(data: string): string {
  const begin = BEGINNINGS.find((text) => data.startsWith(text))?.length
  if (begin === undefined) throw new Error('the data of an event begins with its object')
  return data.slice(begin, data.indexOf('"', begin))
}

/** A refund, dispute or alarm that an event shows beside its charge. */
export type EventPart = { readonly part: Exclude<ChargePart, 'charge'>; readonly id: string }

/** The text in the data of exactly the events that show the part: JSON escapes the quotes in all other texts. */
export function partText({ part, id }: EventPart): string {
  return `"${part}":{"id":"${id}"`
}

/** The snapshot for a decision's event. `charge` is the charge that the event shows. */
export function snapshotOf(
  decision: Decision,
  charge: Charge = decision.charge,
  cause?: Cause,
): ChargeSnapshot {
  const { refund, dispute, alarms, event, previous } = decision
  const [alarm] = alarms
  if (alarm && (event === 'alarm.opened' || event === 'alarm.closed'))
    return { charge, alarm, previous, cause }
  if (refund) return { charge, refund, previous, previousRefund: decision.previousRefund ?? undefined, cause }
  if (dispute)
    return { charge, dispute, previous, previousDispute: decision.previousDispute ?? undefined, cause }
  return { charge, previous, cause }
}
