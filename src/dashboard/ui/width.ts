import { useEffect, useState } from 'preact/hooks'

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
