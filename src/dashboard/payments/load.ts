/** Everything that a payment's page shows. */
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import type { DeliveryView } from '../../api/minipay/delivery-schemas.ts'
import type { DisputeView } from '../../api/minipay/dispute-schemas.ts'
import type { EventView } from '../../api/minipay/event-schemas.ts'
import type { LedgerEntryView } from '../../api/minipay/ledger-schemas.ts'
import type { RefundView } from '../../api/minipay/refund-schemas.ts'
import { api } from '../api.ts'
import { can } from '../me.ts'
import type { ListPage } from '../resource.ts'

export type Payment = { readonly charge: ChargeView; readonly attempts: readonly AttemptView[] }
export type Beside = {
  readonly refunds: readonly RefundView[]
  readonly disputes: readonly DisputeView[]
  /** Undefined: the reader may not see them. */
  readonly entries: readonly LedgerEntryView[] | undefined
  readonly events: readonly EventView[] | undefined
  readonly deliveries: readonly DeliveryView[]
}

type Abort = { readonly signal: AbortSignal }

export async function loadPayment(id: string, abort: Abort): Promise<Payment> {
  const path = `/charges/${encodeURIComponent(id)}`
  const [charge, attempts] = await Promise.all([
    api.get<ChargeView>(path, {}, abort),
    api.get<ListPage<AttemptView>>(`${path}/attempts`, {}, abort),
  ])
  return { charge, attempts: attempts.data }
}

/** What belongs to it, as far as the reader may see it. All at once, so that the page is one wait long. */
export async function loadBeside(id: string, abort: Abort): Promise<Beside> {
  const list = async <T>(path: string, query: Record<string, string>) =>
    (await api.get<ListPage<T>>(path, { limit: 100, ...query }, abort)).data
  const of = { transaction_id: id }
  const [refunds, disputes, events, deliveries] = await Promise.all([
    can('refunds:read') ? list<RefundView>('/refunds', of) : [],
    can('reports:read') ? list<DisputeView>('/disputes', of) : [],
    can('webhooks:read') ? list<EventView>('/events', { object: id }) : undefined,
    can('webhooks:read') ? list<DeliveryView>('/webhook_deliveries', of).catch(() => []) : [],
  ])
  return {
    refunds,
    disputes,
    events,
    deliveries,
    entries: await entriesOf([id, ...idsOf(refunds, disputes)], list),
  }
}

/** A refund and a dispute are booked under their own ids. */
const MOST_BOOKED = 20
const idsOf = (refunds: readonly RefundView[], disputes: readonly DisputeView[]) =>
  [...refunds.map(({ refund_id }) => refund_id), ...disputes.map(({ id }) => id)].slice(0, MOST_BOOKED)

async function entriesOf(
  ids: readonly string[],
  list: <T>(path: string, query: Record<string, string>) => Promise<readonly T[]>,
): Promise<readonly LedgerEntryView[] | undefined> {
  if (!can('reports:read')) return undefined
  const found = await Promise.all(
    ids.map((id) => list<LedgerEntryView>('/ledger/entries', { transaction_id: id })),
  )
  return found.flat().toSorted((one, other) => one.sequence - other.sequence)
}
