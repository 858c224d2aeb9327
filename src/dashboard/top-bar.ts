import { zoneName } from './format.ts'
import { live } from './live.ts'
import { me } from './me.ts'
import { zone } from './preferences.ts'
import { Preferences } from './preferences-menu.ts'
import { Search } from './search.ts'
import { button, component, div, header, span, type VNode } from './tags.ts'
import { Icon } from './ui/icon.ts'

export function TopBar(): VNode {
  const account = me.value?.account
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
      component(Preferences, { name: account?.name ?? account?.id ?? '' }),
    ),
  )
}

const WORDS = {
  connecting: ['Connecting', 'wait'],
  live: ['Live', 'good'],
  polling: ['Live', 'good'],
  paused: ['Paused', 'quiet'],
  off: ['', 'quiet'],
  lost: ['Reconnecting', 'warn'],
} as const

function LiveDot(): VNode | null {
  const [word, tone] = WORDS[live.value]
  if (word === '') return null
  return span(
    { class: `live ${tone}`, role: 'status' },
    span({ class: 'dot', 'aria-hidden': true }),
    span({ class: 'word' }, word),
  )
}
