/** Finds objects by exactly what a person pasted: an id of any kind, a customer, a key or a reference. */
import type { Permission } from '../domain/access/permissions.ts'
import type { Alarm } from '../domain/alarm.ts'
import type { Attempt } from '../domain/attempt.ts'
import type { Charge, Dispute, Refund } from '../domain/charge.ts'
import { type IdPrefix, idTime, isId } from '../domain/id.ts'
import { isIdempotencyKey } from '../domain/idempotency.ts'
import type { Scope } from '../domain/scope.ts'
import { decodeSnapshot } from '../domain/snapshot.ts'
import type { Delivery } from '../domain/webhooks/delivery.ts'
import type { StoredEvent } from '../ports/store.ts'
import { findAttempt } from './attempts/list-attempts.ts'
import type { Context } from './context.ts'

/** What a text can match. */
export const MATCHES = ['id', 'customer', 'idempotency_key', 'provider_reference', 'request_id'] as const
export type Match = (typeof MATCHES)[number]

/** An object that was found. Kinds without a value have nothing to show but their id. */
export type Found = { readonly match: Match } & (
  | { readonly kind: 'charge'; readonly value: Charge }
  | { readonly kind: 'refund'; readonly value: Refund }
  | { readonly kind: 'attempt'; readonly value: Attempt }
  | { readonly kind: 'dispute'; readonly value: Dispute }
  | { readonly kind: 'alarm'; readonly value: Alarm }
  | { readonly kind: 'event'; readonly value: StoredEvent }
  | { readonly kind: 'delivery'; readonly value: Delivery }
  | { readonly kind: 'webhook_endpoint' | 'webhook_replay' | 'api_key' | 'audit_entry'; readonly id: string }
)

type Search = {
  readonly context: Context
  readonly scope: Scope
  /** Whether the caller may read what needs this permission: nothing else is looked for. */
  readonly mayRead: (permission: Permission) => boolean
}

/** The most charges of a customer; their list has the others. */
export const MOST_CHARGES = 10
/** A request stores its events soon after its id was made: so many ms are searched, and so many events. */
const REQUEST_MS = 120_000
const MOST_EVENTS = 2_000
const PAGE = 100

/**
 * Every object of the scope that the text names exactly, and that the caller may read. Each kind costs a few look-ups in
 * an index, so the time does not grow with the history. Rejects with `StoreUnavailable`.
 */
export async function search(about: Search, text: string): Promise<Found[]> {
  const found = isId('req', text)
    ? [byRequest(about, text)]
    : [byId(about, text), byCustomer(about, text), byKey(about, text), byReference(about, text)]
  const all = (await Promise.all(found)).flat()
  // An id may be a customer's, or a key, too: the first match counts.
  return [...new Map(all.map((one) => [idOf(one), one] as const).toReversed()).values()].toReversed()
}

export const idOf = (found: Found): string => ('value' in found ? found.value.id : found.id)

type Finder = (about: Search, id: string) => Promise<Found | undefined>

const match = 'id'
/** How each kind of id is found, and the permission that reading it needs. */
const BY_ID: Readonly<Partial<Record<IdPrefix, readonly [Permission, Finder]>>> = {
  txn: [
    'charges:read',
    async ({ context, scope }, id) => foundOf('charge', await context.store.charge(scope, id)),
  ],
  re: [
    'refunds:read',
    async ({ context, scope }, id) => foundOf('refund', await context.store.refund(scope, id)),
  ],
  att: [
    'charges:read',
    async (about, id) => foundOf('attempt', await findAttempt(about.context, about.scope, id)),
  ],
  dp: [
    'reports:read',
    async ({ context, scope }, id) => foundOf('dispute', await context.store.dispute(scope, id)),
  ],
  alm: [
    'operations:read',
    async ({ context, scope }, id) => foundOf('alarm', await context.store.alarm(scope, id)),
  ],
  evt: [
    'webhooks:read',
    async ({ context, scope }, id) => foundOf('event', await context.store.event(scope, id)),
  ],
  dlv: [
    'webhooks:read',
    async ({ context, scope }, id) => foundOf('delivery', await context.store.webhookDelivery(scope, id)),
  ],
  we: [
    'webhooks:read',
    async ({ context, scope }, id) =>
      bare('webhook_endpoint', await context.store.webhookEndpoint(scope, id)),
  ],
  rpl: [
    'webhooks:read',
    async ({ context, scope }, id) => bare('webhook_replay', await context.store.replay(scope, id)),
  ],
  key: [
    'keys:read',
    async ({ context, scope }, id) => bare('api_key', await context.store.accessKey(scope, id)),
  ],
  aud: [
    'audit:read',
    async ({ context, scope }, id) => bare('audit_entry', await context.store.auditEntry(scope, id)),
  ],
}

type Valued = Extract<Found, { value: unknown }>
function foundOf<K extends Valued['kind']>(
  kind: K,
  value: Extract<Valued, { kind: K }>['value'] | undefined,
  by: Match = match,
): Found | undefined {
  return value && ({ match: by, kind, value } as Found)
}

function bare(
  kind: Exclude<Found['kind'], Valued['kind']>,
  object: { readonly id: string } | undefined,
): Found | undefined {
  return object && { match, kind, id: object.id }
}

const some = (found: Found | undefined): Found[] => (found ? [found] : [])

async function byId(about: Search, text: string): Promise<Found[]> {
  const prefix = text.slice(0, text.indexOf('_')) as IdPrefix
  const [permission, find] = BY_ID[prefix] ?? []
  if (!permission || !find || !isId(prefix, text) || !about.mayRead(permission)) return []
  return some(await find(about, text))
}

async function byCustomer({ context, scope, mayRead }: Search, customer: string): Promise<Found[]> {
  if (!mayRead('charges:read')) return []
  const { data } = await context.store.charges(scope, { limit: MOST_CHARGES, customer })
  return data.flatMap((value) => some(foundOf('charge', value, 'customer')))
}

/** Keys are remembered for a time; the object of an older one is found by its id or its customer. */
async function byKey(about: Search, key: string): Promise<Found[]> {
  const { context, scope } = about
  const shown = ['charges:read', 'refunds:read', 'webhooks:read'] as const
  if (!isIdempotencyKey(key) || !shown.some(about.mayRead)) return []
  const record = await context.store.idempotencyRecord(scope, key)
  const found = record ? await byId(about, record.ending.objectId) : []
  return found.map((one) => ({ ...one, match: 'idempotency_key' }))
}

/** One look-up for each provider, and kind of object that has references. */
async function byReference(about: Search, reference: string): Promise<Found[]> {
  const { context, scope, mayRead } = about
  const names = [...context.providers.keys()]
  const attempts = await Promise.all(
    names.flatMap((name) =>
      (['authorize', 'refund'] as const).map((kind) =>
        context.store.attemptByReference(name, kind, reference),
      ),
    ),
  )
  const own = attempts.flatMap((one) =>
    one && one.scope.accountId === scope.accountId && one.scope.mode === scope.mode ? [one.attempt] : [],
  )
  const ids = own.map(({ chargeId, refundId }) => refundId ?? chargeId)
  const objects = (await Promise.all(ids.map((id) => byId(about, id)))).flat()
  const disputes = mayRead('reports:read')
    ? await Promise.all(names.map((name) => context.store.disputeByReference(scope, name, reference)))
    : []
  // An object that was decided in this process has no attempt, and its reference has its id.
  const [named] = /(?:txn|re)_[0-9a-z]{26}/.exec(reference) ?? []
  const inProcess = named === undefined || named === reference ? [] : await byId(about, named)
  const same = inProcess.filter(
    (one) => (one.kind === 'charge' || one.kind === 'refund') && one.value.providerReference === reference,
  )
  return [...objects, ...same, ...disputes.flatMap((value) => some(foundOf('dispute', value)))].map(
    (one) => ({
      ...one,
      match: 'provider_reference',
    }),
  )
}

/** The events that a request led to, among those that were stored soon after. */
async function byRequest({ context, scope, mayRead }: Search, requestId: string): Promise<Found[]> {
  if (!mayRead('webhooks:read')) return []
  const from = idTime(requestId)
  const found: Found[] = []
  let after = 0
  for (let seen = 0; seen < MOST_EVENTS; seen += PAGE) {
    const times = { createdFrom: from, createdUntil: from + REQUEST_MS }
    const { data, hasMore } = await context.store.events(scope, { after, limit: PAGE, ...times })
    for (const value of data)
      if (decodeSnapshot(value.data).cause?.requestId === requestId)
        found.push({ match: 'request_id', kind: 'event', value })
    const last = data.at(-1)
    if (!hasMore || !last) break
    after = last.sequence
  }
  return found
}
