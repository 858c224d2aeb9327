import { can, me } from './me.ts'
import { badges, NAVIGATION, type NavigationItem } from './navigation.ts'
import { href, place } from './router.ts'
import { a, component, div, fragment, h2, li, nav, path, rect, span, svg, ul, type VNode } from './tags.ts'
import { TEXT } from './texts.ts'

/** The navigation: beside the content, and on phones a popover behind the menu button. */
export function Navigation(): VNode {
  const groups = NAVIGATION.map((group) => ({
    ...group,
    items: group.items.filter(({ needs }) => needs === undefined || can(needs)),
  })).filter(({ items }) => items.length > 0)
  return nav(
    { class: 'navigation', id: 'navigation', popover: 'auto', 'aria-label': 'Main' },
    div({ class: 'brand' }, component(Logo, {}), span({}, TEXT.appName), component(Mode, {})),
    ...groups.map(({ label, items }) =>
      fragment(h2({}, label), ul({}, ...items.map((item) => component(Item, { item, key: item.path })))),
    ),
  )
}

function Item({ item }: { item: NavigationItem }): VNode {
  const here = place.value.path
  const current = item.path === '/' ? here === '/' : here === item.path || here.startsWith(`${item.path}/`)
  const waiting = badges.value[item.path] ?? 0
  return li(
    {},
    a(
      { href: href(item.path), ...(current && { 'aria-current': 'page' as const }), onClick: hide },
      item.label,
      waiting > 0 ? span({ class: 'count' }, waiting > 999 ? '999+' : waiting) : null,
    ),
  )
}

function hide(): void {
  const bar = document.getElementById('navigation')
  if (bar?.matches(':popover-open')) bar.hidePopover()
}

export function Mode(): VNode | null {
  return me.value?.mode === 'test' ? span({ class: 'badge warn mode' }, TEXT.testMode) : null
}

export function Logo(): VNode {
  return svg(
    { class: 'logo', viewBox: '0 0 22 22', width: 22, height: 22, 'aria-hidden': true },
    rect({ width: 22, height: 22, rx: 5 }),
    path({ d: 'M6 15.5V7l5 5 5-5v8.5' }),
  )
}
