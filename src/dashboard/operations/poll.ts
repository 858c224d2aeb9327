import { useEffect, useRef } from 'preact/hooks'

/**
 * Calls `ask` every so many ms while the page is visible and the component is shown: for what no event reports. One that
 * fails is tried again at the next time.
 */
export function usePoll(ms: number, ask: () => Promise<void>): void {
  const latest = useRef(ask)
  latest.current = ask
  useEffect(() => {
    let running = false
    const timer = setInterval(() => {
      if (running || document.visibilityState !== 'visible') return
      running = true
      latest.current().then(
        () => {
          running = false
        },
        () => {
          running = false
        },
      )
    }, ms)
    return () => clearInterval(timer)
  }, [ms])
}
