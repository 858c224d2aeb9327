import { signal } from '@preact/signals'
import { button, component, div, span, type VNode } from '../tags.ts'
import { TEXT } from '../texts.ts'
import { Icon } from './icon.ts'

type Toast = { readonly id: number; readonly text: string }

const SHOWN_MS = 6_000
const toasts = signal<readonly Toast[]>([])
let last = 0

/** Says what was done: "Refunded 12.41 USD". Errors belong to the place where they happened, not here. */
export function toast(text: string): void {
  const id = ++last
  toasts.value = [...toasts.value.slice(-2), { id, text }]
  setTimeout(() => remove(id), SHOWN_MS)
}

function remove(id: number): void {
  toasts.value = toasts.value.filter((other) => other.id !== id)
}

export function Toasts(): VNode {
  return div(
    { class: 'toasts', role: 'status', 'aria-live': 'polite' },
    ...toasts.value.map(({ id, text }) =>
      div(
        { class: 'toast', key: id },
        span({}, text),
        button(
          { type: 'button', class: 'plain', 'aria-label': TEXT.close, onClick: () => remove(id) },
          component(Icon, { name: 'close' }),
        ),
      ),
    ),
  )
}
