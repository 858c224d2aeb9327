/** What the frame needs only once the screen is shown: dialogs, toasts, the menu of the account, shortcuts and events. */
import { useEffect } from 'preact/hooks'
import { startFollowing } from './follow.ts'
import { Preferences } from './preferences-menu.ts'
import { startShortcuts } from './shortcuts.ts'
import { component, fragment, type VNode } from './tags.ts'
import { Dialogs } from './ui/dialogs.ts'
import { Toasts } from './ui/toast.ts'

let started = false

export function Late(): VNode {
  useEffect(() => {
    if (started) return
    started = true
    startShortcuts()
    startFollowing()
  }, [])
  return fragment(component(Preferences, {}), component(Dialogs, {}), component(Toasts, {}))
}
