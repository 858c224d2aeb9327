import type { StatisticsRowView } from '../../api/minipay/statistics-schemas.ts'
import { formatTime, plural } from '../format.ts'
import { outcomesOf } from '../statistics.ts'
import { rect, span, svg, title, type VNode } from '../tags.ts'

const STEP = 7
const HEIGHT = 22

/** The colour of an hour: a few declines are usual; a fifth of failures, or a twentieth without an outcome, is not. */
function toneOf(rows: readonly StatisticsRowView[]): string {
  const { attempts, failed, open } = outcomesOf(rows)
  if (attempts === 0) return 'none'
  if (failed * 5 >= attempts) return 'failed'
  return open * 20 >= attempts ? 'unknown' : 'volume'
}

/** A cell for each hour, with its colour; `hours` are its rows, split by status. In words for screen readers. */
export function Strip({ hours }: { hours: ReadonlyMap<number, readonly StatisticsRowView[]> }): VNode {
  const all = [...hours]
  const bad = all.filter(([, rows]) => toneOf(rows) === 'failed').length
  return span(
    { class: 'strip' },
    svg(
      { width: all.length * STEP, height: HEIGHT, 'aria-hidden': true },
      ...all.map(([at, rows], i) => {
        const { attempts, failed, open } = outcomesOf(rows)
        const said = `${formatTime(at, 'minute')}: ${plural(attempts, 'attempt')}, ${failed} failed, ${open} without an outcome`
        return rect(
          { class: toneOf(rows), x: i * STEP, y: 0, width: STEP - 2, height: HEIGHT, rx: 1.5, key: at },
          title({}, said),
        )
      }),
    ),
    span(
      { class: 'hidden' },
      bad === 0 ? 'No hour with many failures' : `${plural(bad, 'hour')} with many failures`,
    ),
  )
}
