/** The parameters that choose events. */
import type { Context } from '../../app/context.ts'
import { isRejection, reject } from '../../domain/error.ts'
import { isId } from '../../domain/id.ts'
import type { EventPart } from '../../domain/snapshot.ts'
import { describedFilters, typesOf } from '../../domain/webhooks/filters.ts'
import { Refused, refuse } from '../../http/errors.ts'
import { integer, optional, string } from '../../http/schema.ts'
import type { EventQuery, Scope } from '../../ports/store.ts'
import { refusalOf } from '../errors.ts'
import { sequence } from './fields.ts'

export const choosingEvents = {
  after: optional({
    ...sequence,
    description: 'Events with a greater sequence.',
  }),
  type: optional(
    string({
      description: 'Event types or prefixes such as `payment.*`, separated by commas.',
      examples: ['payment.*,refund.failed'],
    }),
  ),
  object: optional(
    string({
      description: 'The id of a charge, refund, dispute, alarm or webhook endpoint: only events about it.',
      examples: ['txn_01kasw5v8g000ne3r5yx2tb4qd'],
    }),
  ),
}
export const before = optional({
  ...sequence,
  description:
    'Events with a smaller sequence, newest first; begin with 9007199254740991. Without it, the oldest come first. Not with `wait`.',
})
export const wait = optional(
  integer({
    minimum: 0,
    maximum: 60,
    default: 0,
    description:
      'Seconds to wait for an event if there is none yet. The response comes as soon as there is one, and is an empty page at the end of the time.',
  }),
)

type Choice = { readonly type?: string; readonly object?: string }
type Chosen = Pick<EventQuery, 'types' | 'object'>

/** The part of a store's query. Null: no event can fit, because the object does not exist. Throws `Refused`. */
export async function chosenEvents(
  context: Pick<Context, 'store'>,
  scope: Scope,
  { type, object }: Choice,
): Promise<Chosen | null> {
  const types = type === undefined ? null : typesIn(type)
  const found = object === undefined ? undefined : await objectOf(context, scope, object)
  if (found === null) return null
  return { ...(types && { types }), ...(found && { object: found }) }
}

function typesIn(text: string): EventQuery['types'] | null {
  const filters = describedFilters(text.split(','), 'type')
  if (isRejection(filters)) throw new Refused(refusalOf(filters))
  return typesOf(filters)
}

/** Events are found by their charge, so the charge of a refund, dispute or alarm is read first. */
async function objectOf(
  { store }: Pick<Context, 'store'>,
  scope: Scope,
  id: string,
): Promise<EventQuery['object'] | null> {
  const withPart = (part: EventPart['part'], found: { readonly chargeId: string } | undefined) =>
    found ? { id: found.chargeId, part: { part, id } } : null
  if (isId('txn', id) || isId('we', id)) return { id }
  if (isId('re', id)) return withPart('refund', await store.refund(scope, id))
  if (isId('dp', id)) return withPart('dispute', await store.dispute(scope, id))
  if (isId('alm', id)) return withPart('alarm', await store.alarm(scope, id))
  const message =
    'The parameter object must be the id of a charge (txn_…), refund (re_…), dispute (dp_…), alarm (alm_…) or webhook endpoint (we_…).'
  throw new Refused(refusalOf(reject('parameter_invalid', message, 'object')))
}

export const TOO_MANY_WAIT = refuse(
  'overloaded',
  'Too many event streams and long polls are open; see --max-event-streams.',
)
