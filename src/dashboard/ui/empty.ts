import { useEffect, useState } from 'preact/hooks'
import type { ApiError } from '../api.ts'
import type { Resource } from '../resource.ts'
import { button, type ComponentChildren, code, component, div, fragment, h2, p, type VNode } from '../tags.ts'
import { TEXT } from '../texts.ts'

/** Nothing to show, and why: nothing yet, or nothing that fits. `children` lead on. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }): VNode {
  return div({ class: 'empty' }, h2({}, title), children)
}

/** No object fits the filters. */
export function NothingMatches({ onClear }: { onClear: () => void }): VNode {
  return component(
    Empty,
    { title: 'Nothing matches these filters' },
    button({ type: 'button', class: 'button', onClick: onClear }, TEXT.clearFilters),
  )
}

/** What an error says, with its request id, which the server's log has too. */
export function Reason({ error }: { error: ApiError }): VNode {
  return fragment(
    p({}, error.message),
    error.requestId === undefined ? null : p({ class: 'soft' }, 'Request ', code({}, error.requestId)),
  )
}

/** An error in the place of what could not be loaded. */
export function Failure({ error, onRetry }: { error: ApiError; onRetry?: () => void }): VNode {
  return div(
    { class: 'empty failure', role: 'alert' },
    h2({}, 'This could not be loaded'),
    component(Reason, { error }),
    onRetry ? button({ type: 'button', class: 'button', onClick: onRetry }, TEXT.tryAgain) : null,
  )
}

const SLOW_MS = 300

/** Its children only when 300 ms have passed: short waits show nothing. */
export function Slowly({ children }: { children?: ComponentChildren }): VNode | null {
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), SLOW_MS)
    return () => clearTimeout(timer)
  }, [])
  return late ? div({ class: 'slow' }, children) : null
}

/** Grey lines in the place of text that is loading. */
export function Skeleton({ lines = 5 }: { lines?: number }): VNode {
  return component(
    Slowly,
    {},
    div(
      { class: 'skeleton', role: 'status', 'aria-label': TEXT.loading },
      ...Array.from({ length: lines }, () => div({})),
    ),
  ) as VNode
}

type LoadedProps<T> = { resource: Resource<T>; show: (data: T) => VNode | null; lines?: number }

/**
 * The data of a resource: a skeleton before it is there, an error with *Try again*, and old data dimmed while new data
 * loads.
 */
export function Loaded<T>({ resource, show, lines = 5 }: LoadedProps<T>): VNode {
  const { data, error, loading, reload } = resource
  const failure = error.value ? component(Failure, { error: error.value, onRetry: reload }) : null
  if (data.value === undefined) return failure ?? component(Skeleton, { lines })
  return div(
    { class: loading.value ? 'stale' : 'fresh', 'aria-busy': loading.value },
    failure,
    show(data.value),
  )
}
