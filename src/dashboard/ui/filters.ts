import { useEffect, useId, useState } from 'preact/hooks'
import type { ProviderView } from '../../api/minipay/provider-schemas.ts'
import { api } from '../api.ts'
import { startOfDay } from '../format.ts'
import { can } from '../me.ts'
import { useResource } from '../resource.ts'
import { place, type Query, replaceQuery } from '../router.ts'
import { button, component, div, input, label, p, type VNode } from '../tags.ts'
import { TEXT } from '../texts.ts'
import { type Choice, SelectField } from './field.ts'

export type Filter = {
  /** Its name in the URL, and mostly in the API. */
  readonly name: string
  readonly label: string
  /** `select` needs `choices`, without one for "All"; `many` lets several of them be chosen. */
  readonly kind: 'select' | 'many' | 'text' | 'date'
  readonly choices?: readonly Choice[]
}

/** The values of these filters in the URL, as a query of the API: a list for several. */
export function filterValues(filters: readonly Filter[]): Query {
  const { query } = place.value
  return Object.fromEntries(
    filters.map(({ name, kind }) => [name, kind === 'many' ? query.getAll(name) : query.get(name)]),
  )
}

/** Whether any of them is set. */
export function anyFilter(filters: readonly Filter[]): boolean {
  return filters.some(({ name }) => place.value.query.has(name))
}

export function clearFilters(filters: readonly Filter[]): void {
  replaceQuery(Object.fromEntries(filters.map(({ name }) => [name, null])))
}

/** `label` names them for screen readers, where a page has several. */
type FiltersProps = { filters: readonly Filter[]; label?: string }

/** The filters of a list. Their values are in the URL alone: a bookmark is a saved view. */
export function Filters({ filters, label: words = 'Filters' }: FiltersProps): VNode {
  return div(
    { class: 'filters', role: 'search', 'aria-label': words },
    ...filters.map((filter) => component(FilterField, { filter, key: filter.name })),
    anyFilter(filters)
      ? button(
          { type: 'button', class: 'plain clear', onClick: () => clearFilters(filters) },
          TEXT.clearFilters,
        )
      : null,
    ...filters.map((filter) => component(Unreadable, { filter, key: `${filter.name} unreadable` })),
  )
}

/** A link can have any text in the place of a day. */
function Unreadable({ filter: { name, label: words, kind } }: { filter: Filter }): VNode | null {
  const value = kind === 'date' && place.value.query.get(name)
  if (!value || startOfDay(value, true) !== undefined) return null
  return p({ class: 'problem', role: 'alert' }, TEXT.unreadableDay(words, value))
}

function FilterField({ filter }: { filter: Filter }): VNode {
  const { name, label: words, kind, choices = [] } = filter
  const value = place.value.query.get(name) ?? ''
  if (kind === 'many') return component(Many, { filter })
  if (kind === 'text' || kind === 'date') return component(Typed, { filter, value })
  return component(SelectField, {
    ...{ name, label: words, value, choices: [['', 'All'], ...choices] },
    onChange: (chosen: string) => replaceQuery({ [name]: chosen }),
  })
}

const TYPING_MS = 350

/** A field that filters once the reader pauses. */
function Typed({ filter: { name, label: words, kind }, value }: { filter: Filter; value: string }): VNode {
  const id = useId()
  const [typed, setTyped] = useState(value)
  useEffect(() => setTyped(value), [value])
  useEffect(() => {
    if (typed.trim() === value) return undefined
    const timer = setTimeout(() => replaceQuery({ [name]: typed.trim() }), TYPING_MS)
    return () => clearTimeout(timer)
  }, [typed])
  return div(
    { class: 'field' },
    label({ for: id }, words),
    input({
      ...{ id, name, type: kind === 'date' ? 'date' : 'search', value: typed },
      ...{ autocomplete: 'off', spellcheck: false },
      onInput: (event) => setTyped(event.currentTarget.value),
    }),
  )
}

function Many({ filter: { name, label: words, choices = [] } }: { filter: Filter }): VNode {
  const id = useId()
  const chosen = place.value.query.getAll(name)
  const shown = choices.filter(([value]) => chosen.includes(value)).map(([, word]) => word)
  const toggle = (value: string) =>
    replaceQuery({
      [name]: chosen.includes(value) ? chosen.filter((other) => other !== value) : [...chosen, value],
    })
  return div(
    { class: 'field menu-place' },
    label({ for: `${id}-button` }, words),
    button(
      { id: `${id}-button`, type: 'button', class: 'select', popovertarget: id },
      shown.length === 0 ? 'All' : shown.length === 1 ? shown[0] : `${shown[0]} + ${shown.length - 1}`,
    ),
    div(
      { id, class: 'menu', popover: 'auto', role: 'group', 'aria-label': words },
      ...choices.map(([value, word]) =>
        label(
          { class: 'checkbox item', key: value },
          input({ type: 'checkbox', checked: chosen.includes(value), onChange: () => toggle(value) }),
          word,
        ),
      ),
    ),
  )
}

/** The providers; none until they are loaded. */
export function useProviders(): readonly ProviderView[] {
  const providers = useResource(
    async () =>
      can('operations:read') ? api.get<{ data: readonly ProviderView[] }>('/providers') : { data: [] },
    [],
  )
  return providers.data.value?.data ?? []
}

/** A choice of the providers; a field where they are not known. */
export function providerFilter(names: readonly string[]): Filter {
  const filter = { name: 'provider', label: 'Provider' }
  return names.length > 0
    ? { ...filter, kind: 'select', choices: names.map((name) => [name, name]) }
    : { ...filter, kind: 'text' }
}
