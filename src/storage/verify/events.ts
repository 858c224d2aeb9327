/** Checks events against each other and against the rows that they describe. */
import { encodeFacts } from '../../domain/snapshot.ts'
import type { Aggregate, AuditedEvent, Json, Row } from './aggregate.ts'
import { ALARM, CHARGE, DISPUTE, difference, REFUND, shapeProblem, type View } from './views.ts'

type Part = 'refund' | 'dispute' | 'alarm'
const PARTS: Readonly<Record<Part, View>> = { refund: REFUND, dispute: DISPUTE, alarm: ALARM }

/** What an event's type implies: the status of its charge, and the other object that it contains. */
type Implied = {
  readonly statuses?: readonly string[]
  readonly part?: Part
  readonly partStatuses?: readonly string[]
}
const IMPLIED_BY: Readonly<Record<string, Implied>> = {
  'payment.succeeded': { statuses: ['succeeded'] },
  'payment.failed': { statuses: ['failed'] },
  'payment.authorized': { statuses: ['authorized', 'processing'] },
  'payment.requires_action': { statuses: ['requires_action'] },
  'payment.canceled': { statuses: ['canceled'] },
  'payment.capture_failed': { statuses: ['authorized'] },
  'payment.cancel_failed': {},
  'payment.refunded': {
    statuses: ['partially_refunded', 'refunded'],
    part: 'refund',
    partStatuses: ['partially_refunded', 'refunded'],
  },
  'refund.failed': { part: 'refund', partStatuses: ['failed'] },
  'dispute.opened': { part: 'dispute', partStatuses: ['open'] },
  'dispute.updated': { part: 'dispute' },
  'dispute.won': { part: 'dispute', partStatuses: ['won'] },
  'dispute.lost': { part: 'dispute', partStatuses: ['lost'] },
  'alarm.opened': { part: 'alarm', partStatuses: ['open'] },
  'alarm.closed': { part: 'alarm', partStatuses: ['closed'] },
}

/** Statuses of a charge whose end is not known yet: its fields may change without an event. */
const WAITING = ['processing', 'requires_action']
/** The fields that may change meanwhile. */
const WHILE_WAITING = ['status', 'provider', 'providerReference', 'redirectUrl']
/** A refund reserves its amount without an event, and so does a stored cancel request. */
const SILENT = ['amountRefundPending', 'cancelKey']

/** All problems of a charge's events, as sentences. */
export function* eventProblems(aggregate: Aggregate): Iterable<string> {
  for (const event of aggregate.events) {
    const problem = contentProblem(event) ?? fixedFieldProblem(event, aggregate)
    if (problem !== undefined) yield `The event ${event.seq} (${event.type}) ${problem}.`
  }
  yield* lastEventProblems(aggregate)
  yield* partProblems(aggregate)
}

/** The object beside the charge, such as its refund. */
export function partOf({ data, type }: AuditedEvent): Json | undefined {
  const part = IMPLIED_BY[type]?.part
  return part && data?.[part]
}

function contentProblem({ type, data, shown, text }: AuditedEvent): string | undefined {
  const implied = IMPLIED_BY[type]
  if (!implied) return 'is of no type that there is'
  if (!data || !shown) return 'has no body in the JSON that MiniPay writes'
  const { statuses, part, partStatuses } = implied
  const wrong = shapeProblem(CHARGE, shown['charge']) ?? (part && shapeProblem(PARTS[part], shown[part]))
  if (wrong !== undefined) return wrong
  if (encodeFacts(data as object) !== text) return 'has facts in a form in which MiniPay writes none'
  const { status: ofCharge } = data.charge
  if (statuses && !statuses.includes(String(ofCharge))) return `shows a charge that is ${ofCharge}`
  const status = part && data[part]?.[part === 'alarm' ? 'state' : 'status']
  if (partStatuses && !partStatuses.includes(String(status))) return `shows a ${part} that is ${status}`
  if (type === 'payment.refunded' && status !== ofCharge)
    return `shows a refund that left its charge ${status}, and a charge that is ${ofCharge}`
  return undefined
}

/** Fields that never change are the same in each event and in the row. */
function fixedFieldProblem(
  event: AuditedEvent,
  { charge, refunds, disputes, alarms }: Aggregate,
): string | undefined {
  const wrong = event.data && difference(CHARGE, event.data.charge, charge, CHARGE.fixed)
  if (wrong !== undefined && wrong !== null) return wrong
  const shown = partOf(event)
  if (!shown) return undefined
  const part = IMPLIED_BY[event.type]?.part as Part
  const { id } = shown
  const row = { refund: refunds, dispute: disputes, alarm: alarms }[part].find((one) => one['id'] === id)
  if (!row) return `shows the ${part} ${id}, which its charge does not have`
  return difference(PARTS[part], shown, row, PARTS[part].fixed)
}

/** The last event has the values of the row, except for fields that change without an event. */
function* lastEventProblems({ charge, events }: Aggregate): Iterable<string> {
  const last = events.at(-1)
  const { id, status } = charge
  if (!last) {
    if (status !== 'processing') yield `The transaction ${id} is ${status}, and no event shows it.`
    return
  }
  // A requested cancel that failed and will be retried has no event.
  const waits = WAITING.includes(String(status)) || (status === 'authorized' && charge['cancel_key'] !== null)
  const silent = waits && !isUnchanged(charge, last) ? [...SILENT, ...WHILE_WAITING] : SILENT
  const fields = Object.keys(CHARGE.fields).filter((field) => !silent.includes(field))
  const wrong = last.data && difference(CHARGE, last.data.charge, charge, fields)
  if (wrong) yield `The last event of ${id}, ${last.seq} (${last.type}), ${wrong}.`
}

/**
 * True if the charge was committed twice, and waits for its customer since the second commit: so no later lookup has changed
 * its page.
 */
function isUnchanged({ status, version }: Row, { type }: AuditedEvent): boolean {
  return status === 'requires_action' && type === 'payment.requires_action' && Number(version) === 2
}

/**
 * Every object that has ended, or cannot begin without an event, has an event. The last one has the values of the row.
 */
function* partProblems({ events, refunds, disputes, alarms }: Aggregate): Iterable<string> {
  const last = new Map<unknown, AuditedEvent>()
  for (const event of events) {
    const part = partOf(event)
    if (part) last.set(part['id'], event)
  }
  function* problemsOfPart(view: View, row: Row): Iterable<string> {
    const event = last.get(row['id'])
    // After an alarm was closed, its row changes no more. Before that, settling it changes `inDoubt` without an event.
    const isOver = view === ALARM && event?.type === 'alarm.closed'
    const fields = view === ALARM && !isOver ? ALARM.fixed : Object.keys(view.fields)
    const wrong = event ? difference(view, partOf(event) as Json, row, fields) : 'is not there'
    if (wrong)
      yield event
        ? `The last event of ${row['id']}, ${event.seq} (${event.type}), ${wrong}.`
        : `The ${view.name} ${row['id']} is ${row['status'] ?? row['state']}, and no event shows it.`
  }
  for (const refund of refunds) if (refund['status'] !== 'processing') yield* problemsOfPart(REFUND, refund)
  for (const dispute of disputes) yield* problemsOfPart(DISPUTE, dispute)
  for (const alarm of alarms) yield* problemsOfPart(ALARM, alarm)
}
