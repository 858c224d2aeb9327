import { useEffect, useRef, useState } from 'preact/hooks'
import { count } from '../format.ts'
import {
  caption,
  component,
  div,
  fragment,
  g,
  line,
  rect,
  span,
  svg,
  table,
  tbody,
  td,
  text,
  th,
  thead,
  title,
  tr,
  type VNode,
} from '../tags.ts'
import { CHART_HEIGHT, type Scale, scaleOf } from './chart-scale.ts'

/** The colours of a chart: trouble is the loudest of them. */
export type Series = { readonly name: string; readonly tone: 'volume' | 'unknown' | 'failed' }
export type ChartBar = {
  /** Below the bar, where there is room: `13:00`. */
  readonly label: string
  /** In full, for the title and the table: `26 Nov, 13:00`. */
  readonly name: string
  /** A value of each series. */
  readonly values: readonly number[]
}

/** The names of the series beside their colours; it belongs into the head of a card. */
export function Legend({ series }: { series: readonly Series[] }): VNode {
  return span(
    { class: 'legend' },
    ...series.map(({ name, tone }) =>
      span({ key: name }, span({ class: `swatch ${tone}`, 'aria-hidden': true }), name),
    ),
  )
}

/**
 * Stacked bars as wide as their place, with a table of the same numbers for screen readers. `label` names the table; `head`
 * is the head of its first column.
 */
export function BarChart(props: {
  label: string
  head: string
  series: readonly Series[]
  bars: readonly ChartBar[]
}): VNode {
  const { label, head, series, bars } = props
  const place = useRef<HTMLDivElement>(null)
  const width = useWidth(place)
  const scale = scaleOf(
    bars.map(({ values }) => values),
    width,
  )
  return div(
    { class: 'chart', ref: place },
    svg(
      { width, height: CHART_HEIGHT, 'aria-hidden': true },
      component(Grid, { scale }),
      ...bars.map((bar, i) => component(Column, { key: bar.name, bar, scale, series, i })),
    ),
    component(Numbers, { label, head, series, bars }),
  )
}

/** The width of an element, as it changes. */
export function useWidth(place: { readonly current: HTMLDivElement | null }): number {
  const [width, setWidth] = useState(640)
  useEffect(() => {
    const { current } = place
    if (!current) return undefined
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 640)))
    observer.observe(current)
    return () => observer.disconnect()
  }, [])
  return width
}

function Grid({ scale: { top, yOf, left, right } }: { scale: Scale }): VNode {
  return fragment(
    ...[0, top / 2, top].map((value) =>
      g(
        { key: value },
        line({ class: 'grid', x1: left, x2: right, y1: yOf(value), y2: yOf(value) }),
        text({ x: left - 10, y: yOf(value) + 4, 'text-anchor': 'end' }, count(value)),
      ),
    ),
  )
}

type ColumnProps = { bar: ChartBar; scale: Scale; series: readonly Series[]; i: number }

function Column({ bar, scale, series, i }: ColumnProps): VNode {
  const { x, width, middle, parts } = scale.bars[i] as Scale['bars'][number]
  const said = series.map(({ name }, of) => `${count(bar.values[of] ?? 0)} ${name.toLowerCase()}`)
  const step = (scale.right - scale.left) / scale.bars.length
  return g(
    {},
    title({}, `${bar.name}: ${said.join(', ')}`),
    rect({ class: 'hit', x: middle - step / 2, width: step, y: 0, height: CHART_HEIGHT }),
    ...parts.map((part) =>
      rect({ class: series[part.series]?.tone, x, width, y: part.y, height: part.height, key: part.series }),
    ),
    i % scale.labelEvery === 0
      ? text({ x: middle, y: CHART_HEIGHT - 6, 'text-anchor': 'middle' }, bar.label)
      : null,
  )
}

type NumbersProps = { label: string; head: string; series: readonly Series[]; bars: readonly ChartBar[] }

function Numbers({ label, head, series, bars }: NumbersProps): VNode {
  return div(
    { class: 'hidden' },
    table(
      {},
      caption({}, label),
      thead(
        {},
        tr(
          {},
          th({ scope: 'col' }, head),
          ...series.map(({ name }) => th({ scope: 'col', key: name }, name)),
        ),
      ),
      tbody(
        {},
        ...bars.map(({ name, values }) =>
          tr(
            { key: name },
            th({ scope: 'row' }, name),
            ...values.map((value, i) => td({ key: i }, count(value))),
          ),
        ),
      ),
    ),
  )
}
