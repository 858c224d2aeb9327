/** Places of the dashboard: the path under `/dashboard` and the query, kept by the History API. */
import { signal } from '@preact/signals'

export const BASE = '/dashboard'

export type Place = {
  /** Begins with `/`, without `/dashboard`: `/payments/txn_…`; the overview is `/`. */
  readonly path: string
  readonly query: URLSearchParams
}
/** The values of a query. Undefined, null and an empty text leave a name out. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>

/** Where the reader is. */
export const place = signal<Place>(here())

function here(): Place {
  if (typeof location === 'undefined') return { path: '/', query: new URLSearchParams() }
  const path = location.pathname.slice(BASE.length).replace(/(?<=.)\/+$/, '')
  return { path: path === '' ? '/' : path, query: new URLSearchParams(location.search) }
}

/** The query string of these values, with its `?`; empty without any. A list repeats its name. */
export function queryString(query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined && one !== null && one !== '') search.append(name, String(one))
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

/** The address of a place, for links: `href('/payments', { status: 'failed' })`. */
export function href(path: string, query?: Query): string {
  return `${BASE}${path}${queryString(query)}`
}

/** Goes to a place, and to the top of its page. */
export function go(path: string, query?: Query): void {
  history.pushState(null, '', href(path, query))
  place.value = here()
  scrollTo(0, 0)
}

/** Changes some names of the query and keeps the others, without a new entry in the history. */
export function replaceQuery(changes: Query): void {
  const query: Record<string, Query[string]> = {}
  for (const name of new Set(place.value.query.keys())) query[name] = place.value.query.getAll(name)
  history.replaceState(null, '', href(place.value.path, { ...query, ...changes }))
  place.value = here()
}

/** The values of a pattern such as `/payments/:id` in a path; undefined if the path does not fit. */
export function match(pattern: string, path: string): Readonly<Record<string, string>> | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')]
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [i, part] of wanted.entries()) {
    const value = given[i] as string
    if (!part.startsWith(':')) {
      if (part !== value) return undefined
      continue
    }
    try {
      params[part.slice(1)] = decodeURIComponent(value)
    } catch {
      return undefined
    }
  }
  return params
}

/** Follows links inside the dashboard without loading the page again, and the browser's back and forward. */
export function followLinks(): void {
  addEventListener('popstate', () => {
    place.value = here()
  })
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey
    if (!link || !plain || event.defaultPrevented || link.target !== '' || link.hasAttribute('download'))
      return
    const { origin, pathname, search, hash } = new URL(link.href)
    if (origin !== location.origin || !`${pathname}/`.startsWith(`${BASE}/`) || hash !== '') return
    event.preventDefault()
    history.pushState(null, '', pathname + search)
    place.value = here()
    scrollTo(0, 0)
  })
}
