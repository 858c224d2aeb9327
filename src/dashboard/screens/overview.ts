import { useEffect, useRef } from 'preact/hooks'
import { useEvents } from '../live.ts'
import { can, me } from '../me.ts'
import { guide } from '../preferences.ts'
import { useResource } from '../resource.ts'
import { href, place } from '../router.ts'
import { a, component, fragment, nav, p, type VNode } from '../tags.ts'
import { Card } from '../ui/card.ts'
import { BarChart, Legend, type Series } from '../ui/chart.ts'
import { Empty, Loaded } from '../ui/empty.ts'
import { Later, Page } from '../ui/page.ts'
import { barsOf, loadOverview, type OverviewData, RANGES, type Range, rangeOf } from './overview-data.ts'
import { Summary } from './overview-summary.ts'

const SERIES: readonly Series[] = [
  { name: 'Succeeded', tone: 'volume' },
  { name: 'Unknown', tone: 'unknown' },
  { name: 'Failed', tone: 'failed' },
]

/** Events come in bursts: the figures follow them this often, in ms. */
const FOLLOW_MS = 5_000

// Before the first paint a page loads few modules: the browser asks for each.
const loadDetails = () => import('./overview-details.ts').then(({ Details }) => Details)
const loadAttention = () => import('./overview-attention.ts').then(({ NeedsAttention }) => NeedsAttention)
const loadGuide = () => import('../ui/first-steps.ts').then(({ FirstSteps }) => FirstSteps)

export default function Overview(): VNode {
  const range = rangeOf(place.value.query.get('range'))
  const reports = can('reports:read')
  return component(
    Page,
    { title: 'Overview', actions: reports ? component(Ranges, { range }) : null },
    isNewcomer() ? component(Later<object>, { load: loadGuide, props: {} }) : null,
    reports
      ? component(Reports, { range })
      : can('operations:read')
        ? component(Later<object>, { load: loadAttention, props: {} })
        : component(
            Empty,
            { title: 'Your key may not read reports' },
            p({}, 'The navigation shows what it may read.'),
          ),
  )
}

/** Whether the guide may be of use; it looks further itself. */
function isNewcomer(): boolean {
  return guide.value === 'shown' && me.value?.mode === 'test' && can('charges:write') && can('charges:read')
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
  const follow = () => {
    timer.current ??= setTimeout(async () => {
      timer.current = undefined
      // Without the dimming of a reload: the figures change in place.
      const data = await loadOverview(wanted.current).catch(() => undefined)
      if (data) resource.update((now) => (now.range === data.range ? data : now))
    }, FOLLOW_MS)
  }
  useEvents({ types: ['payment.', 'refund.'] }, follow, follow)
  return component(Loaded<OverviewData>, {
    resource,
    lines: 10,
    show: (data) => component(Cards, { data }),
  })
}

function Cards({ data }: { data: OverviewData }): VNode {
  const { bucket } = RANGES[data.range]
  const title = bucket === 'hour' ? 'Payment attempts per hour' : 'Payment attempts per day (UTC)'
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
    component(Later<{ data: OverviewData }>, { load: loadDetails, props: { data } }),
  )
}
