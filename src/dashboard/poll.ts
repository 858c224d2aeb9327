import { useEffect, useRef } from 'preact/hooks'

/**
 * Calls `look` again and again while the component is shown and the page is visible: for what no event reports. One that
 * fails is tried again at the next time, and the screen keeps what it has.
 */
export function usePoll(look: () => Promise<void>, everyMs = 5_000): void {
  const latest = useRef(look)
  latest.current = look
  useEffect(() => {
    let busy = false
    const timer = setInterval(() => {
      if (busy || document.hidden) return
      busy = true
      void latest
        .current()
        .catch(() => {})
        .finally(() => {
          busy = false
        })
    }, everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
}
