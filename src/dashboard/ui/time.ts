import { formatTime, relative } from '../format.ts'
import { span, time, type VNode } from '../tags.ts'

type TimeProps = {
  /** RFC 3339. */
  at: string
  style?: 'short' | 'minute' | 'long' | 'day'
  /** Adds "4 min ago" while it is less than an hour away. */
  ago?: boolean
}

/** A time in the reader's zone; its title is the time in ISO 8601. */
export function Time({ at, style = 'short', ago = false }: TimeProps): VNode {
  const near = ago ? relative(at) : undefined
  return time(
    { dateTime: at, title: at },
    formatTime(at, style),
    near === undefined ? null : span({ class: 'soft' }, ` · ${near}`),
  )
}
