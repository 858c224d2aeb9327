/** What a payment is: its details. */
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import { moneyWithCode } from '../format.ts'
import { providerLink } from '../operations/attempt-cells.ts'
import { href } from '../router.ts'
import { a, code, component, fragment, type VNode } from '../tags.ts'
import { Card, type Detail, Details } from '../ui/card.ts'
import { useProviders } from '../ui/filters.ts'
import { Time } from '../ui/values.ts'
import { own } from './own.ts'

export function ChargeDetails({ charge }: { charge: ChargeView }): VNode {
  const { currency } = charge
  const at = useProviders().find(({ name }) => name === charge.provider)
  const amount = (value: number) => (value === 0 ? null : moneyWithCode(value, currency))
  const items: Detail[] = [
    [
      'Customer',
      a(
        { href: href('/payments', { customer: charge.customer }), dir: 'auto', class: 'own' },
        charge.customer,
      ),
    ],
    ['Description', charge.description && own(charge.description)],
    ['Provider', charge.provider === 'none' ? null : a({ href: href('/providers') }, charge.provider)],
    [
      'Provider reference',
      charge.provider_reference &&
        fragment(
          code({ class: 'own' }, charge.provider_reference),
          providerLink(charge.provider, at?.payment_url, charge.provider_reference),
        ),
    ],
    ['Captured', moneyWithCode(charge.amount_captured, currency)],
    ['Refunded', amount(charge.amount_refunded)],
    ['Refunds in progress', amount(charge.amount_refund_pending)],
    ['Disputed', amount(charge.amount_disputed)],
    ['Payment method', charge.payment_method && code({ class: 'own' }, charge.payment_method)],
    ['Expires', charge.expires_at && component(Time, { at: charge.expires_at })],
    ['Idempotency key', code({ class: 'own' }, charge.idempotency_key)],
    [
      'Created',
      fragment(component(Time, { at: charge.created_at }), ' ', code({ class: 'soft' }, charge.created_at)),
    ],
  ]
  const pairs = Object.entries(charge.metadata).map(([name, value]): Detail => [name, own(value)])
  return component(
    Card,
    { title: 'Details' },
    component(Details, { items }),
    pairs.length > 0
      ? component(Card, { title: 'Metadata', class: 'inner' }, component(Details, { items: pairs }))
      : null,
  )
}
