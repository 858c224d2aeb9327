/** What the search has found, and the list of it below the search box. Loaded when the box first has the focus. */
import { batch, computed, signal } from '@preact/signals'
import type { SearchResultView } from '../api/minipay/search-schemas.ts'
import { ApiError, api } from './api.ts'
import { can } from './me.ts'
import { BASE, go, href } from './router.ts'
import { isAnyId, type Line, lineOf, recentSearches, rememberSearch, screensOf } from './search-places.ts'
import { component, div, li, span, strong, ul, type VNode } from './tags.ts'
import { Amount, Badge, Time } from './ui/values.ts'

type Results = { readonly data: readonly SearchResultView[]; readonly has_more: boolean }

const asked = signal('')
const found = signal<{ readonly text: string; readonly results: Results } | undefined>(undefined)
const failed = signal<string | undefined>(undefined)
/** The line that Enter follows. */
export const chosen = signal(0)
let running: AbortController | undefined
/** Enter was pressed before the response: then the first result is followed as soon as it is there. */
let isWanted = false

const PAUSE_MS = 180

const lines = computed((): readonly Line[] => {
  const text = asked.value
  if (text === '')
    return recentSearches().map((one) => ({ key: one, href: '', title: one, about: 'searched before' }))
  const { text: of, results } = found.value ?? { text: '', results: { data: [], has_more: false } }
  const all = can('charges:read') && of === text && results.has_more
  return [
    ...(of === text ? results.data.map(lineOf) : []),
    ...(all
      ? [{ key: 'all', href: href('/payments', { customer: text }), title: `All payments of ${text}` }]
      : []),
    ...screensOf(text, can),
  ]
})
export const isEmpty = computed(() => lines.value.length === 0)

/** Looks for a text, once the reader pauses; an id that was pasted is followed at once. */
export function look(text: string, pasted = false): void {
  running?.abort()
  isWanted = pasted && isAnyId(text)
  batch(() => {
    asked.value = text
    chosen.value = 0
    failed.value = undefined
  })
  if (text === '') return
  running = new AbortController()
  const { signal: abort } = running
  setTimeout(() => void ask(text, abort), isWanted ? 0 : PAUSE_MS)
}

async function ask(text: string, abort: AbortSignal): Promise<void> {
  if (abort.aborted) return
  try {
    const results = await api.get<Results>('/search', { q: text }, { signal: abort })
    found.value = { text, results }
    if (isWanted && lines.value.length > 0) follow(0)
  } catch (error) {
    if (!abort.aborted) failed.value = error instanceof ApiError ? error.message : String(error)
  }
}

export function move(by: 1 | -1): void {
  chosen.value = Math.max(0, Math.min(lines.value.length - 1, chosen.value + by))
}

/** Follows the chosen line, or the first one as soon as it is found. */
export function followChosen(): void {
  if (lines.value.length > 0) follow(chosen.value)
  else isWanted = found.value?.text !== asked.value
}

function follow(at: number): void {
  const line = lines.value[at]
  if (!line) return
  isWanted = false
  // A search of before is typed again.
  if (line.href === '') {
    box.pick(line.title)
    return
  }
  if (asked.value !== '') rememberSearch(asked.value)
  box.leave()
  const { pathname, search } = new URL(line.href, location.origin)
  go(pathname.slice(BASE.length) + search)
}

/** What the box does: it empties itself and gives up its focus, or takes a text. */
type Box = { readonly leave: () => void; readonly pick: (text: string) => void }
let box: Box = { leave() {}, pick() {} }
export function connect(actions: Box): void {
  box = actions
}

export function Results({ id }: { id: string }): VNode | null {
  const text = asked.value
  const isKnown = found.value?.text === text
  if (failed.value !== undefined) return div({ class: 'results', role: 'alert' }, failed.value)
  if (lines.value.length === 0)
    return text !== '' && isKnown
      ? div(
          { class: 'results soft', role: 'status' },
          'Nothing has exactly this id, customer, key or reference.',
        )
      : null
  return ul(
    { class: 'results', id, role: 'listbox', 'aria-label': 'Found' },
    ...lines.value.map((line, i) =>
      li(
        {
          ...{ key: line.key, id: `${id}-${i}`, role: 'option', 'aria-selected': i === chosen.value },
          onMouseEnter: () => {
            chosen.value = i
          },
          // Before the box loses its focus.
          onMouseDown: (event: Event) => {
            event.preventDefault()
            follow(i)
          },
        },
        component(ResultLine, { line }),
      ),
    ),
  )
}

function ResultLine({ line: { title, about, result } }: { line: Line }): VNode {
  if (!result) return span({}, title, about === undefined ? null : span({ class: 'soft' }, ` · ${about}`))
  const { amount, currency, status, customer, created_at: at, kind } = result
  return div(
    {},
    strong({}, title),
    amount !== null && currency !== null ? component(Amount, { amount, currency }) : null,
    status === null || kind === 'event' ? span({}, status ?? '') : component(Badge, { status }),
    span({ class: 'soft who', dir: 'auto' }, customer ?? about ?? ''),
    at === null ? null : component(Time, { at, style: 'minute' }),
  )
}
