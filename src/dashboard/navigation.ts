/** The navigation: its places, one line a place, and how it is drawn. */
import { signal } from '@preact/signals'
import type { Permission } from '../domain/access/permissions.ts'
import { can, me } from './me.ts'
import { href, place } from './router.ts'
import { a, component, div, fragment, h2, li, nav, path, rect, span, svg, ul, type VNode } from './tags.ts'
import { TEXT } from './texts.ts'

export type NavigationItem = {
  readonly path: string
  readonly label: string
  /** Another path whose screens belong to it. */
  readonly also?: string
  /** Shown to readers who have it. */
  readonly needs?: Permission
  /** The key that follows `g`. */
  readonly key?: string
}
export type NavigationGroup = { readonly label: string; readonly items: readonly NavigationItem[] }

export const NAVIGATION: readonly NavigationGroup[] = [
  {
    label: 'Payments',
    items: [
      { path: '/', label: 'Overview', key: 'o' },
      { path: '/payments', label: 'Payments', needs: 'charges:read', key: 'p' },
      { path: '/unresolved', label: 'Unresolved', needs: 'operations:read', key: 'u' },
      { path: '/refunds', label: 'Refunds', needs: 'refunds:read' },
      { path: '/disputes', label: 'Disputes', needs: 'reports:read' },
    ],
  },
  {
    label: 'Money',
    items: [{ path: '/ledger', label: 'Ledger', needs: 'reports:read' }],
  },
  {
    label: 'Operations',
    items: [
      { path: '/providers', label: 'Providers', needs: 'operations:read' },
      { path: '/routing', label: 'Routing', needs: 'routing:read', key: 'r' },
      { path: '/webhooks', label: 'Webhooks', also: '/deliveries', needs: 'webhooks:read', key: 'w' },
      { path: '/events', label: 'Events', needs: 'webhooks:read' },
      { path: '/alarms', label: 'Alarms', needs: 'operations:read' },
    ],
  },
  {
    label: 'Settings',
    items: [
      { path: '/keys', label: 'API keys', also: '/sessions', needs: 'keys:read' },
      { path: '/accounts', label: 'Accounts', needs: 'accounts:read' },
      { path: '/audit', label: 'Audit log', needs: 'audit:read' },
      { path: '/system', label: 'System', needs: 'metrics:read' },
    ],
  },
]

/** Counts beside the places, by path: what waits for a person. `attention.ts` keeps them current. */
export const badges = signal<Readonly<Record<string, number>>>({})

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
  const current = [item.path, item.also].some(
    (of) => here === of || (of !== '/' && here.startsWith(`${of}/`)),
  )
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
