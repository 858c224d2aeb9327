import { useEffect, useRef } from 'preact/hooks'
import { useEvents } from '../live.ts'
import { can } from '../me.ts'
import { useResource } from '../resource.ts'
import { href, place } from '../router.ts'
import { a, component, div, fragment, nav, p, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { BarChart, Legend, type Series } from '../ui/chart.ts'
import { Empty, Loaded } from '../ui/empty.ts'
import { Page } from '../ui/page.ts'
import { NeedsAttention } from './overview-attention.ts'
import { ByProvider, MoneyIn, Summary } from './overview-cards.ts'
import { barsOf, loadOverview, type OverviewData, RANGES, type Range, rangeOf } from './overview-data.ts'
import { Guide } from './overview-guide.ts'

const SERIES: readonly Series[] = [
  { name: 'Succeeded', tone: 'volume' },
  { name: 'Unknown', tone: 'unknown' },
  { name: 'Failed', tone: 'failed' },
]

/** Events come in bursts: the figures follow them this often, in ms. */
const FOLLOW_MS = 5_000

export default function Overview(): VNode {
  const range = rangeOf(place.value.query.get('range'))
  const reports = can('reports:read')
  return component(
    Page,
    { title: 'Overview', actions: reports ? component(Ranges, { range }) : null },
    component(Guide, {}),
    reports
      ? component(Reports, { range })
      : can('operations:read')
        ? component(NeedsAttention, {})
        : component(
            Empty,
            { title: 'Your key may not read reports' },
            p({}, 'The navigation shows what it may read.'),
          ),
  )
}

function Ranges({ range }: { range: Range }): VNode {
  return nav(
    { class: 'ranges', 'aria-label': 'Time' },
    ...Object.entries(RANGES).map(([name, { label }]) =>
      a(
        {
          key: name,
          class: 'button small',
          href: href('/', name === '24h' ? {} : { range: name }),
          ...(name === range && { 'aria-current': 'true' as const }),
        },
        label,
      ),
    ),
  )
}

function Reports({ range }: { range: Range }): VNode {
  const resource = useResource((signal) => loadOverview(range, signal), [range])
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const wanted = useRef(range)
  wanted.current = range
  useEffect(() => () => clearTimeout(timer.current), [])
  useEvents({ types: ['payment.', 'refund.'] }, () => {
    timer.current ??= setTimeout(async () => {
      timer.current = undefined
      // Without the dimming of a reload: the figures change in place.
      const data = await loadOverview(wanted.current).catch(() => undefined)
      if (data) resource.update((now) => (now.range === data.range ? data : now))
    }, FOLLOW_MS)
  })
  return component(Loaded<OverviewData>, {
    resource,
    lines: 10,
    show: (data) => component(Cards, { data }),
  })
}

function Cards({ data }: { data: OverviewData }): VNode {
  const { bucket } = RANGES[data.range]
  const title = bucket === 'hour' ? 'Attempts per hour' : 'Attempts per day (UTC)'
  return fragment(
    component(Summary, { data }),
    component(
      Card,
      { title, aside: component(Legend, { series: SERIES }) },
      component(BarChart, {
        label: title,
        head: bucket === 'hour' ? 'Hour' : 'Day',
        series: SERIES,
        bars: barsOf(data.chart, bucket),
      }),
    ),
    div(
      { class: 'halves labelled' },
      can('operations:read') ? component(NeedsAttention, {}) : null,
      component(MoneyIn, { data }),
    ),
    div({ class: 'labelled' }, component(ByProvider, { data })),
  )
}
