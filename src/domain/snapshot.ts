/**
 * Snapshots: the facts that an event, or the record of an idempotency key, keeps of a charge and of what happened to it.
 * A snapshot is stored as canonical JSON: the fields in the order below, without those that have their usual value, times
 * in ms since 1970. What a client sees of it is the matter of each surface.
 */
import type { Alarm } from './alarm.ts'
import type { Charge, Decision, Dispute, Refund } from './charge.ts'

/** A charge as a snapshot keeps it: the version guards writes, and says nothing to a reader. */
export type ChargeFacts = Omit<Charge, 'version'>

/**
 * Former schemas kept fewer facts, and their events and responses keep the fields that they were told with: 1 has no
 * captured, pending or disputed amounts; 2 has no booked amounts of disputes; neither those nor 3 know of requested cancels.
 */
export type Era = 1 | 2 | 3

/** Why a provider did not do what a request asked for. */
export type Refusal = { readonly declineCode: string | null; readonly failureMessage: string | null }

export type Snapshot = {
  readonly charge: ChargeFacts
  /** What the event is about beside its charge. */
  readonly refund?: Refund | undefined
  readonly dispute?: Dispute | undefined
  readonly alarm?: Alarm | undefined
  /** The former values of what the event changed of the charge; none for a new charge, or from a former schema. */
  readonly previous?: Partial<ChargeFacts> | undefined
  /** Only from a former schema. */
  readonly era?: Era | undefined
}

/** What the record of a key keeps beside its event: a refusal that no object has, and objects that no event shows. */
export type EndingFacts = Partial<Snapshot> & { readonly refusal?: Refusal | undefined }

/** Always written. */
const ALWAYS = Symbol()
/** Both or none of them are written, so that a store finds a long text of both in one place. */
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

type Written = Record<string, unknown>

const CHARGE_FIELDS = Object.entries(CHARGE)
const FIELDS = {
  charge: CHARGE_FIELDS,
  refund: Object.entries(REFUND),
  dispute: Object.entries(DISPUTE),
  alarm: Object.entries(ALARM),
} as const
/** The objects of a snapshot. */
export type Part = keyof typeof FIELDS
const PARTS = Object.keys(FIELDS) as Part[]

/** The names of an object's fields that every snapshot of it has, and of those that it leaves out where they are usual. */
export function fieldsOf(part: Part): { readonly always: string[]; readonly usual: string[] } {
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

function written(part: Part, object: object): Written {
  const from = object as Written
  const detailed = isDetailed(from)
  const written: Written = {}
  for (const [name, usual] of FIELDS[part]) {
    const value = from[name]
    if (usual === DETAIL ? detailed : value !== usual) written[name] = value
  }
  return written
}

function isDetailed({ description, metadata }: Written): boolean {
  if (typeof description === 'string') return true
  for (const _ in metadata as object | undefined) return true
  return false
}

type UsualOf = {
  readonly [P in keyof ChargeFacts as (typeof CHARGE)[P] extends symbol ? never : P]: ChargeFacts[P]
}
/** The values that a charge has unless something gave it others: of a new charge, all of them. */
export const USUAL_CHARGE = USUAL.charge as UsualOf

/** Only what differs from the charge: a value may have changed and changed back in one commit. */
function formerOf(previous: Written, charge: Written): Written | undefined {
  let former: Written | undefined
  for (const [name] of CHARGE_FIELDS)
    if (name in previous && previous[name] !== charge[name]) {
      former ??= {}
      former[name] = previous[name]
    }
  return former
}

/** The canonical JSON of a snapshot, or of the facts of an ending. */
export function encodeFacts({ charge, refund, dispute, alarm, previous, refusal, era }: EndingFacts): string {
  return JSON.stringify({
    charge: charge && written('charge', charge),
    refund: refund && written('refund', refund),
    dispute: dispute && written('dispute', dispute),
    alarm: alarm && written('alarm', alarm),
    previous: previous && charge && formerOf(previous, charge),
    refusal,
    era,
  })
}

/** The facts of a text that `encodeFacts` made. Throws a `SyntaxError` for a text that is no JSON. */
export function decodeFacts(text: string): EndingFacts {
  const facts = JSON.parse(text) as Partial<Record<Part, object>>
  const whole: Record<string, unknown> = { ...facts }
  for (const part of PARTS) if (facts[part]) whole[part] = { ...USUAL[part], ...facts[part] }
  return whole as EndingFacts
}

/** As `decodeFacts`, of the data of an event, which always has its charge. */
export function decodeSnapshot(text: string): Snapshot {
  return decodeFacts(text) as Snapshot
}

/** The snapshot for a decision's event. `charge` is the charge that the event shows. */
export function snapshotOf(decision: Decision, charge: Charge = decision.charge): Snapshot {
  const { refund, dispute, alarms, event, previous } = decision
  const [alarm] = alarms
  if (alarm && (event === 'alarm.opened' || event === 'alarm.closed')) return { charge, alarm, previous }
  if (refund) return { charge, refund, previous }
  return dispute ? { charge, dispute, previous } : { charge, previous }
}
