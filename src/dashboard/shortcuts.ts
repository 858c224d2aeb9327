/** Keyboard shortcuts. Never a bare letter while a field has the focus, and none once they are turned off. */
import { NAVIGATION } from './navigation.ts'
import { shortcuts } from './preferences.ts'
import { go } from './router.ts'
import { component } from './tags.ts'
import { showDialog } from './ui/page.ts'

const CHORD_MS = 1_500
let chordUntil = 0

export function startShortcuts(): void {
  document.addEventListener('keydown', (event) => {
    const modified = event.metaKey || event.altKey
    if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && !event.altKey) {
      event.preventDefault()
      return focusSearch()
    }
    if (modified || event.ctrlKey || shortcuts.value === 'off' || isTyping(event.target)) return
    if (document.querySelector('dialog[open]')) return
    if (press(event)) event.preventDefault()
  })
}

/** True if the key was a shortcut. */
function press({ key, timeStamp, target }: KeyboardEvent): boolean {
  const chord = timeStamp < chordUntil
  chordUntil = 0
  if (chord) {
    const item = NAVIGATION.flatMap(({ items }) => items).find((other) => other.key === key)
    if (item) go(item.path)
    return item !== undefined
  }
  if (key === 'g') chordUntil = timeStamp + CHORD_MS
  else if (key === '/') focusSearch()
  else if (key === '?') void showHelp()
  else if (key === 'j' || key === 'k') moveRow(key === 'j' ? 1 : -1)
  else if (key === 'r') return pressRowAction(target)
  else return false
  return true
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.matches('input, select, textarea') || target.isContentEditable)
  )
}

function focusSearch(): void {
  document.getElementById('search')?.focus()
}

/** Moves the focus to the link of the next or the previous row; Enter then follows it. */
function moveRow(by: 1 | -1): void {
  const links = [...document.querySelectorAll('tr[data-row]')].flatMap((row) => {
    const link = row.querySelector<HTMLElement>('a, button')
    return link ? [link] : []
  })
  const at = links.findIndex((link) => link.closest('tr') === document.activeElement?.closest('tr'))
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by
  links[Math.min(Math.max(next, 0), links.length - 1)]?.focus()
}

/** `r` presses the button with `data-shortcut="r"` of the row with the focus, or of the page. */
function pressRowAction(target: EventTarget | null): boolean {
  const row = target instanceof Element ? target.closest('tr[data-row]') : null
  const action = (row ?? document).querySelector<HTMLElement>('[data-shortcut="r"]')
  action?.click()
  return action !== null
}

async function showHelp(): Promise<void> {
  const { ShortcutHelp } = await import('./shortcut-help.ts')
  showDialog((close) => component(ShortcutHelp, { onClose: close }))
}
