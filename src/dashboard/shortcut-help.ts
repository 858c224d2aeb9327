import { useEffect, useRef } from 'preact/hooks'
import { NAVIGATION } from './navigation.ts'
import { button, dd, dialog, div, dl, dt, footer, h2, kbd, p, type VNode } from './tags.ts'
import { TEXT } from './texts.ts'

const KEYS: readonly (readonly [keys: readonly string[], what: string])[] = [
  [['/'], 'Search (also Ctrl K)'],
  ...NAVIGATION.flatMap(({ items }) =>
    items.flatMap(({ key, label }) => (key ? [[['g', key], `Go to ${label}`] as const] : [])),
  ),
  [['j'], 'Next row'],
  [['k'], 'Previous row'],
  [['Enter'], 'Open the row'],
  [['r'], 'Refund the payment'],
  [['?'], 'Show this list'],
  [['Esc'], 'Close'],
]

/** The list of all shortcuts. */
export function ShortcutHelp({ onClose }: { onClose: () => void }): VNode {
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const shown = element.current
    shown?.showModal()
    return () => shown?.close()
  }, [])
  return dialog(
    { ref: element, 'aria-label': 'Keyboard shortcuts', onClose },
    h2({}, 'Keyboard shortcuts'),
    dl(
      { class: 'shortcuts' },
      ...KEYS.map(([keys, what]) =>
        div({ key: what }, dt({}, ...keys.map((one) => kbd({ key: one }, one))), dd({}, what)),
      ),
    ),
    p({ class: 'hint' }, 'The menu of your account turns them off.'),
    footer({}, button({ type: 'button', class: 'button', onClick: onClose }, TEXT.close)),
  )
}
