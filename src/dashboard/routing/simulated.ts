/** What a draft would do to the newest payments. */
import type { ReplayedChargesView } from '../../api/minipay/simulation-schemas.ts'
import { count, plural } from '../format.ts'
import { href } from '../router.ts'
import { component, div, h3, p, span, strong, type VNode } from '../tags.ts'
import { type Column, Table } from '../ui/table.ts'
import { Amount, Id, Time } from '../ui/values.ts'

type Sample = ReplayedChargesView['samples'][number]
type Going = ReplayedChargesView['providers'][number]

const SAMPLES: readonly Column<Sample>[] = [
  {
    head: 'Amount',
    class: 'num lead',
    cell: ({ amount, currency }) => component(Amount, { amount, currency }),
  },
  { head: 'Now', cell: ({ stored_route: { rule, provider } }) => route(rule, provider) },
  { head: 'With this draft', cell: ({ route: { rule, provider } }) => route(rule, provider) },
  { head: 'Customer', cell: ({ customer }) => span({ dir: 'auto' }, customer) },
  { head: 'Time', cell: ({ created_at: at }) => component(Time, { at }) },
  {
    head: 'Payment',
    cell: ({ transaction_id: id }) => component(Id, { id, href: href(`/payments/${id}`) }),
  },
]

const PROVIDERS: readonly Column<Going>[] = [
  { head: 'Provider', class: 'lead', cell: ({ provider }) => strong({}, providerName(provider)) },
  { head: 'Went there', class: 'num', cell: ({ went }) => count(went) },
  { head: 'Would go first', class: 'num', cell: ({ would_go: would }) => count(would) },
]

const providerName = (provider: string) => (provider === 'none' ? 'no provider' : provider)
const route = (rule: string, provider: string) =>
  span({}, providerName(provider), span({ class: 'soft' }, ` · ${rule}`))

export function Simulated({ last }: { last: ReplayedChargesView }): VNode {
  const { charges, rerouted, samples, providers, not_evaluated: failed, limits } = last
  if (charges === 0)
    return p({}, 'There is no payment yet to try this draft on. Make a test payment on the Overview first.')
  const declined = limits.filter(({ would_decline: would }) => would > 0)
  return div(
    { class: 'simulated' },
    p(
      {},
      strong({}, `${count(rerouted)} of the last ${plural(charges, 'payment')}`),
      ' would take another route than with the rules in force.',
    ),
    failed === 0
      ? null
      : p(
          { class: 'warn' },
          `For ${plural(failed, 'payment')} a condition could not be evaluated: it counts as false.`,
        ),
    ...declined.map(({ limit, would_decline: would }) =>
      p({ key: limit, class: 'warn' }, `The limit “${limit}” would decline ${plural(would, 'payment')}.`),
    ),
    h3({}, 'Providers'),
    Table({ label: 'Providers', columns: PROVIDERS, rows: providers, idOf: ({ provider }) => provider }),
    samples.length === 0 ? null : h3({}, samplesTitle(samples.length, rerouted)),
    samples.length === 0
      ? null
      : Table({
          ...{ label: 'Payments with another route', columns: SAMPLES, rows: samples },
          idOf: ({ transaction_id: id }) => id,
        }),
  )
}

const samplesTitle = (shown: number, rerouted: number) =>
  shown < rerouted ? `The newest ${count(shown)} of them` : shown === 1 ? 'This payment' : 'These payments'
