import { useId } from 'preact/hooks'
import { a, type ComponentChildren, dd, div, dl, dt, h2, header, section, span, type VNode } from '../tags.ts'

type CardProps = { title: string; aside?: ComponentChildren; class?: string; children?: ComponentChildren }

/** A part of a page with a title; `aside` is at the right of the title. */
export function Card({ title, aside, class: name = '', children }: CardProps): VNode {
  const id = useId()
  return section(
    { class: `card ${name}`, 'aria-labelledby': id },
    header({ class: 'card-head' }, h2({ id }, title), aside ? div({ class: 'aside' }, aside) : null),
    children,
  )
}

export type FigureProps = {
  label: string
  value: ComponentChildren
  /** The soft words after the figure: "of known outcomes". */
  note?: ComponentChildren
  /** The list behind the figure. */
  href?: string
}

/** Figures in one card with hairlines between them, two by two on phones. */
export function Figures({ figures }: { figures: readonly FigureProps[] }): VNode {
  return dl(
    { class: 'figures' },
    ...figures.map(({ label, value, note, href }) =>
      div(
        { class: 'figure', key: label },
        dt({}, label),
        dd(
          {},
          href === undefined ? span({ class: 'value' }, value) : a({ class: 'value', href }, value),
          note === undefined ? null : span({ class: 'soft' }, note),
        ),
      ),
    ),
  )
}

export type Detail = readonly [label: string, value: ComponentChildren]

/** Labels with their values below them. A value that is null or undefined leaves its label out. */
export function Details({ items }: { items: readonly Detail[] }): VNode {
  return dl(
    { class: 'details' },
    ...items
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([label, value]) => div({ key: label }, dt({}, label), dd({}, value))),
  )
}
