/** Values as cells and details show them: amounts, badges, times and ids. And lists as files. */
import { signal } from '@preact/signals'
import { useState } from 'preact/hooks'
import { addressOf } from '../api.ts'
import { formatTime, type Minor, money, relative, shortId } from '../format.ts'
import type { Query } from '../router.ts'
import { a, button, component, div, span, time, type VNode } from '../tags.ts'
import { statusOf, TEXT, type Tone } from '../texts.ts'
import { Icon } from './icon.ts'

/** An amount with its currency after it; in tables the codes align below each other. */
export function Amount({ amount, currency }: { amount: Minor; currency: string }): VNode {
  return span(
    { class: 'amount' },
    span({ class: 'digits' }, money(amount, currency)),
    ' ',
    span({ class: 'currency' }, currency.toUpperCase()),
  )
}

/** A coloured pill: a dot and a word, so that colour is never alone. */
export function Pill({ tone, word, title }: { tone: Tone; word: string; title?: string }): VNode {
  return span({ class: `badge ${tone}`, title }, span({ class: 'dot', 'aria-hidden': true }), word)
}

/** The badge of a status of the API. `kind` tells breakers, disputes and alarms from the others. */
export function Badge(props: {
  status: string
  kind?: 'breaker' | 'dispute' | 'alarm'
  title?: string
}): VNode {
  const { word, tone } = statusOf(props.status, props.kind)
  return component(Pill, { tone, word, ...(props.title !== undefined && { title: props.title }) })
}

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

const SHOWN_MS = 1_500

/** A button that copies a text. `label` says what: "Copy id". With `icon` only the drawing is shown. */
export function CopyButton({
  value,
  label,
  icon = false,
}: {
  value: string
  label: string
  icon?: boolean
}): VNode {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value)
      setCopied(true)
      setTimeout(() => setCopied(false), SHOWN_MS)
    } catch {
      // Without permission or without TLS there is no clipboard: the reader copies by hand.
      prompt(label, value)
    }
  }
  const shown = copied ? TEXT.copied : label
  const props = { type: 'button' as const, onClick: () => void copy() }
  return icon
    ? button(
        { ...props, class: 'plain copy', 'aria-label': shown, title: shown },
        component(Icon, { name: copied ? 'check' : 'copy' }),
      )
    : button({ ...props, class: 'button' }, shown)
}

/** An id, short and in mono: a link if `href` is given, with a button that copies the whole id. */
export function Id({ id, href, whole = false }: { id: string; href?: string; whole?: boolean }): VNode {
  const text = whole ? id : shortId(id)
  return span(
    { class: 'id' },
    href === undefined
      ? span({ class: 'mono', title: id }, text)
      : a({ class: 'mono', href, title: id }, text),
    component(CopyButton, { value: id, label: `Copy ${id}`, icon: true }),
  )
}

/** A list that is being saved as a file, or why it could not be. */
export type Export = {
  /** Bytes that have arrived; undefined once it has failed. */
  readonly bytes?: number
  readonly failure?: VNode
  /** Stops it, or takes its failure away. */
  readonly end: () => void
}

/** By the address of the list. They continue while the reader looks at another screen. */
export const savedLists = signal<ReadonlyMap<string, Export>>(new Map())

type ExportProps = { path: string; query?: Query; label?: string; small?: boolean; disabled?: boolean }

/** A button that saves a list as CSV. `path` is that of the list below `/api/v1`. */
export function ExportButton({ path, query, label = 'Export CSV', small, disabled }: ExportProps): VNode {
  const address = addressOf(path, { ...query, format: 'csv' })
  const { bytes, failure, end } = savedLists.value.get(address) ?? {}
  const start = () => void import('./export-file.ts').then(({ startExport }) => startExport(address))
  return div(
    { class: 'export' },
    button(
      {
        ...{ type: 'button', class: small ? 'button small' : 'button', disabled: disabled ?? false },
        onClick: bytes === undefined ? start : end,
      },
      bytes === undefined ? label : `Stop · ${(bytes / 1e6).toFixed(1)} MB`,
    ),
    failure
      ? div(
          { class: 'export-failure' },
          failure,
          button({ type: 'button', class: 'button small', onClick: end }, TEXT.close),
        )
      : null,
  )
}
