import type { Signal } from '@preact/signals'
import { request } from './api.ts'
import { me } from './me.ts'
import { density, keepProof, shortcuts, theme } from './preferences.ts'
import { href } from './router.ts'
import { a, button, component, div, hr, span, type VNode } from './tags.ts'
import { type Choice, SelectField } from './ui/field.ts'

/** The menu of the account: looks, shortcuts, and the way out. The account's name in the top bar opens it. */
export function Preferences(): VNode {
  const key = me.value?.key
  return div(
    {
      id: 'preferences',
      class: 'menu wide',
      popover: 'auto',
      role: 'group',
      'aria-label': 'Account and preferences',
    },
    key ? div({ class: 'soft' }, 'Signed in with ', span({ class: 'mono' }, key.name ?? key.id)) : null,
    choice('Theme', theme, [
      ['system', 'As the system'],
      ['light', 'Light'],
      ['dark', 'Dark'],
    ]),
    choice('Rows', density, [
      ['normal', 'Normal'],
      ['compact', 'Compact'],
    ]),
    choice('Keyboard shortcuts', shortcuts, [
      ['on', 'On'],
      ['off', 'Off'],
    ]),
    key ? hr({}) : null,
    key ? a({ class: 'item', href: href('/sessions'), onClick: closeMenu }, 'Your sessions') : null,
    key ? button({ type: 'button', class: 'item', onClick: () => void signOut() }, 'Sign out') : null,
  )
}

const closeMenu = () => document.getElementById('preferences')?.hidePopover()

function choice<T extends string>(label: string, state: Signal<T>, choices: readonly Choice[]): VNode {
  return component(SelectField, {
    ...{ name: label, label, value: state.value, choices },
    onChange: (value: string) => {
      state.value = value as T
    },
  })
}

/**
 * Everything that the page has shown goes with the session, here and in other tabs. A session that MiniPay could not end
 * now is of no use without its proof.
 */
async function signOut(): Promise<void> {
  await request('DELETE', '/dashboard/session').catch(() => {})
  keepProof(undefined)
  location.reload()
}
