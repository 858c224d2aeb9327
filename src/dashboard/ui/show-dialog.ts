import { signal } from '@preact/signals'
import type { VNode } from '../tags.ts'

const opened = signal<(() => VNode) | undefined>(undefined)

/** Shows a dialog above every screen, so that a screen that changes meanwhile does not close it. */
export function showDialog(draw: (close: () => void) => VNode): void {
  opened.value = () => draw(closeDialog)
}
export function closeDialog(): void {
  opened.value = undefined
}
/** The place of the dialog in the page. */
export function Dialogs(): VNode | null {
  return opened.value?.() ?? null
}
