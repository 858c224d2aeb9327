/** The bar above the screen, and the one above both that warns of open doors. */
import { zoneName } from './format.ts'
import { live } from './live.ts'
import { can, me } from './me.ts'
import { zone } from './preferences.ts'
import { href } from './router.ts'
import { Search } from './search.ts'
import { a, button, component, div, header, section, span, type VNode } from './tags.ts'
import { Icon } from './ui/icon.ts'

export function TopBar(): VNode {
  return header(
    { class: 'top-bar' },
    button(
      { type: 'button', class: 'button menu-button', popovertarget: 'navigation', 'aria-label': 'Menu' },
      component(Icon, { name: 'menu' }),
    ),
    component(Search, {}),
    div(
      { class: 'top-right' },
      component(LiveDot, {}),
      button(
        {
          ...{ type: 'button', class: 'plain zone', title: 'Switch between your time zone and UTC' },
          onClick: () => {
            zone.value = zone.value === 'UTC' ? 'local' : 'UTC'
          },
        },
        zoneName(),
      ),
      button(
        { type: 'button', class: 'plain account', popovertarget: 'preferences' },
        me.value?.account.name ?? '',
      ),
    ),
  )
}

const WORDS = {
  connecting: ['Connecting', 'wait', 'The page connects to the stream of events.'],
  live: ['Live', 'good', 'Changes are shown as they happen.'],
  polling: ['Live', 'good', 'Changes are shown every five seconds: a proxy cuts the stream.'],
  paused: ['Paused', 'quiet', 'The page is hidden.'],
  off: ['', 'quiet', ''],
  lost: ['Reconnecting', 'warn', 'MiniPay does not respond. What is shown may be old.'],
} as const

function LiveDot(): VNode | null {
  const [word, tone, title] = WORDS[live.value]
  if (word === '') return null
  return span(
    { class: `live ${tone}`, role: 'status', title },
    span({ class: 'dot', 'aria-hidden': true }),
    span({ class: 'word' }, word),
  )
}

/** A lasting warning that requests need no key. */
export function OpenBar(): VNode | null {
  const access = me.value?.access ?? 'key'
  if (access === 'key') return null
  const words =
    access === 'loopback'
      ? 'No API key exists: everybody on this machine can act here, in test mode.'
      : 'MiniPay needs no API key (--insecure-no-auth): everybody who reaches it can act, in test mode.'
  return section(
    { class: 'open-bar', 'aria-label': 'Open access' },
    component(Icon, { name: 'warning' }),
    span({}, words),
    access === 'loopback' && can('keys:write') ? a({ href: href('/keys') }, 'Make a key') : null,
  )
}
