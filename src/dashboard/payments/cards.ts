/** The cards below the story of a payment, and its links to providers. Loaded once the story is shown. */
import type { DisputeView } from '../../api/minipay/dispute-schemas.ts'
import type { LedgerEntryView } from '../../api/minipay/ledger-schemas.ts'
import type { RefundView } from '../../api/minipay/refund-schemas.ts'
import { paymentLink } from '../operations/attempt-cells.ts'
import { component, fragment, p, type VNode } from '../tags.ts'
import { sentence } from '../texts.ts'
import { Card } from '../ui/card.ts'
import { Json } from '../ui/json.ts'
import { Table } from '../ui/table.ts'
import { Amount, Badge, Id, Time } from '../ui/values.ts'
import { Events } from './events-card.ts'
import type { Beside, Payment } from './load.ts'
import { own } from './own.ts'

export function Refunds({ rows }: { rows: readonly RefundView[] }): VNode | null {
  if (rows.length === 0) return null
  return component(
    Card,
    { title: 'Refunds' },
    Table({
      ...{
        label: 'Refunds of this payment',
        rows,
        clickable: false,
        idOf: ({ refund_id }: RefundView) => refund_id,
      },
      columns: [
        { head: 'Amount', class: 'num', cell: (refund) => component(Amount, refund) },
        { head: 'Status', cell: ({ status }) => component(Badge, { status }) },
        {
          head: 'Reason',
          class: 'wide',
          cell: ({ failure_message: why, reason }) => own(why ?? (reason === null ? '' : sentence(reason))),
        },
        { head: 'Created', cell: ({ refunded_at: at }) => component(Time, { at }) },
        { head: 'Id', cell: ({ refund_id: id }) => component(Id, { id }) },
      ],
    }),
  )
}

export function Disputes({ rows }: { rows: readonly DisputeView[] }): VNode | null {
  if (rows.length === 0) return null
  return component(
    Card,
    { title: 'Disputes' },
    Table({
      ...{ label: 'Disputes of this payment', rows, clickable: false, idOf: ({ id }: DisputeView) => id },
      columns: [
        { head: 'Amount', class: 'num', cell: (dispute) => component(Amount, dispute) },
        { head: 'Status', cell: ({ status }) => component(Badge, { status, kind: 'dispute' }) },
        { head: 'Reason', class: 'wide', cell: ({ reason }) => own(reason ?? '') },
        { head: 'Created', cell: ({ created_at: at }) => component(Time, { at }) },
        { head: 'Id', cell: ({ id }) => component(Id, { id }) },
      ],
    }),
  )
}

export function Ledger({ rows }: { rows: readonly LedgerEntryView[] }): VNode {
  return component(
    Card,
    { title: 'Ledger' },
    rows.length === 0
      ? p({ class: 'soft' }, 'No money was booked.')
      : Table({
          ...{ label: 'Ledger entries of this payment', rows, clickable: false },
          idOf: ({ sequence }: LedgerEntryView) => String(sequence),
          columns: [
            { head: 'Account', class: 'wide', cell: ({ account }) => account },
            { head: 'Amount', class: 'num', cell: (entry) => component(Amount, entry) },
            { head: 'Booked', cell: ({ created_at: at }) => component(Time, { at }) },
          ],
        }),
  )
}

export { paymentLink }

/** Everything below the story. */
export function Below({ found, payment }: { found: Beside; payment: Payment }): VNode {
  return fragment(
    component(Refunds, { rows: found.refunds }),
    component(Disputes, { rows: found.disputes }),
    found.entries ? component(Ledger, { rows: found.entries }) : null,
    found.events ? component(Events, { events: found.events, deliveries: found.deliveries }) : null,
    component(
      Card,
      { title: 'Raw' },
      component(Json, { value: payment.charge }),
      component(Json, { value: payment.attempts, label: 'Attempts as JSON' }),
    ),
  )
}
