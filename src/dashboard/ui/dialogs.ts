import { useEffect, useRef } from 'preact/hooks'
import type { VNode } from '../tags.ts'
import { opened } from './page.ts'

/**
 * The place of the dialog in the page. When the dialog has closed, what had the focus before gets it again. The browser does this
 * only for a dialog that is still in the page.
 */
export function Dialogs(): VNode | null {
  const draw = opened.value
  const before = useRef<Element | null>(null)
  if (draw) before.current ??= document.activeElement
  useEffect(() => {
    if (draw) return
    const opener = before.current
    before.current = null
    if (opener) focusAgain(opener)
  }, [draw])
  return draw?.() ?? null
}

/** The heading gets the focus in place of an element that is no longer there. The next screen has given it to its own already. */
function focusAgain(opener: Element): void {
  const isLost = () => document.activeElement === document.body
  if (isLost() && opener instanceof HTMLElement) opener.focus({ preventScroll: true })
  if (isLost()) document.querySelector('h1')?.focus({ preventScroll: true })
}
