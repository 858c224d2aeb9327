import type { AlarmView } from '../../api/minipay/alarm-schemas.ts'
import type { ProviderView } from '../../api/minipay/provider-schemas.ts'
import type { StatisticsView } from '../../api/minipay/statistics-schemas.ts'
import { api } from '../api.ts'
import { can } from '../me.ts'
import { ProviderCard } from '../operations/provider-card.ts'
import { hoursOf } from '../operations/strip.ts'
import { usePoll } from '../poll.ts'
import { type ListPage, useResource } from '../resource.ts'
import { component, div, p, type VNode } from '../tags.ts'
import { Empty, Loaded } from '../ui/empty.ts'
import { Page } from '../ui/page.ts'

/** Statistics change by the hour, and cost more. */
const STATISTICS_MS = 60_000

type Providers = { readonly data: readonly ProviderView[] }

export default function Providers(): VNode {
  const load = () => api.get<Providers>('/providers')
  const statistics = () =>
    can('reports:read')
      ? api.get<StatisticsView>('/statistics', { bucket: 'hour', by: 'provider,status' })
      : Promise.resolve(undefined)
  const open = () => api.get<ListPage<AlarmView>>('/alarms', { status: 'open', limit: 100 })
  const providers = useResource(load)
  const hours = useResource(statistics)
  const alarms = useResource(open)
  usePoll(async () => {
    const now = await load()
    providers.update(() => now)
    const still = await open()
    alarms.update(() => still)
  })
  usePoll(async () => {
    const now = await statistics()
    hours.update(() => now)
  }, STATISTICS_MS)
  const onChange = (after: ProviderView) =>
    providers.update(({ data }) => ({ data: data.map((one) => (one.name === after.name ? after : one)) }))
  const hoursFor = (name: string) => {
    const rows = hours.data.value?.data
    return (
      rows &&
      hoursOf(
        rows.filter(({ provider }) => provider === name),
        Date.now(),
      )
    )
  }
  const alarmsOf = (name: string) =>
    alarms.data.value?.data.filter(({ provider }) => provider === name).length
  return component(
    Page,
    { title: 'Providers' },
    p({ class: 'soft lead-text' }, 'Calls of the last minute are those of the node that serves this page.'),
    component(Loaded<Providers>, {
      resource: providers,
      show: ({ data }) =>
        data.length === 0
          ? component(
              Empty,
              { title: 'No provider serves this account in this mode' },
              p({}, 'Add one to the providers file, with this mode, and restart MiniPay.'),
            )
          : div(
              { class: 'halves providers' },
              ...data.map((provider) =>
                component(ProviderCard, {
                  ...{ provider, key: provider.name, hours: hoursFor(provider.name) },
                  ...{ alarms: alarmsOf(provider.name), onChange },
                }),
              ),
            ),
    }),
  )
}
