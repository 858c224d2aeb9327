/** Entries and balances that change while the reader looks. */
import { useEffect, useRef } from 'preact/hooks'
import { useEvents } from '../live.ts'

/** Money moves with these events. */
const TYPES = ['payment.', 'refund.', 'dispute.', 'alarm.']
/** Many events in a row are one reload. */
const PAUSE_MS = 1_000

/** Calls `refresh` soon after money may have moved, at most once in a while. */
export function useMoneyMoved(refresh: () => void): void {
  const latest = useRef(refresh)
  latest.current = refresh
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const follow = () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      latest.current()
    }, PAUSE_MS)
  }
  useEvents({ types: TYPES }, follow, follow)
  useEffect(() => () => clearTimeout(timer.current), [])
}
