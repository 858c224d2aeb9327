/** Everything that a payment's page shows. */
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import type { DeliveryView } from '../../api/minipay/delivery-schemas.ts'
import type { DisputeView } from '../../api/minipay/dispute-schemas.ts'
import type { EventView } from '../../api/minipay/event-schemas.ts'
import type { LedgerEntryView } from '../../api/minipay/ledger-schemas.ts'
import type { ProviderView } from '../../api/minipay/provider-schemas.ts'
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
  /** The address of a payment at each provider that has one. */
  readonly pages: ReadonlyMap<string, string | null>
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
  const [refunds, disputes, pages, events, deliveries] = await Promise.all([
    can('refunds:read') ? list<RefundView>('/refunds', of) : [],
    can('reports:read') ? list<DisputeView>('/disputes', of) : [],
    providerPages(),
    can('webhooks:read') ? list<EventView>('/events', { object: id }) : undefined,
    can('webhooks:read') ? list<DeliveryView>('/webhook_deliveries', of).catch(() => []) : [],
  ])
  return {
    refunds,
    disputes,
    events,
    deliveries,
    pages,
    entries: await entriesOf([id, ...idsOf(refunds, disputes)], list),
  }
}

let pages: Promise<Beside['pages']> | undefined

/** The configuration has them, so they are loaded once; none if they cannot be loaded. */
function providerPages(): Promise<Beside['pages']> {
  if (!can('operations:read')) return Promise.resolve(new Map())
  pages ??= api
    .get<{ data: readonly ProviderView[] }>('/providers')
    .then(({ data }) => new Map(data.map(({ name, payment_url: url }) => [name, url])))
  return pages.catch(() => {
    pages = undefined
    return new Map()
  })
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
