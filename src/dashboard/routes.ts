/** Every screen with its place, and the part of the page that shows it. The server preloads screens by this table. */
import { useLayoutEffect, useState } from 'preact/hooks'
import type { ApiError } from './api.ts'
import { href, match, place } from './router.ts'
import { a, button, component, p, type VNode } from './tags.ts'
import { TEXT } from './texts.ts'
import { Empty, Reason, Skeleton } from './ui/empty.ts'
import { notLoaded, Page } from './ui/page.ts'

export type ScreenProps = {
  /** The variable parts of the path: `{ id: 'txn_…' }`. */
  readonly params: Readonly<Record<string, string>>
}
/** A screen's module. Screens are loaded when they are first shown. */
export type ScreenModule = { readonly default: (props: ScreenProps) => VNode }
export type Route = readonly [pattern: string, load: () => Promise<ScreenModule>]

export const ROUTES: readonly Route[] = [
  ['/', () => import('./screens/overview.ts')],
  ['/payments', () => import('./screens/payments.ts')],
  ['/payments/:id', () => import('./screens/payment.ts')],
  ['/refunds', () => import('./screens/refunds.ts')],
  ['/unresolved', () => import('./screens/unresolved.ts')],
  ['/disputes', () => import('./screens/disputes.ts')],
  ['/providers', () => import('./screens/providers.ts')],
  ['/alarms', () => import('./screens/alarms.ts')],
  ['/routing', () => import('./screens/routing.ts')],
  ['/ledger', () => import('./screens/ledger.ts')],
  ['/webhooks', () => import('./screens/webhooks.ts')],
  ['/webhooks/:id', () => import('./screens/webhook.ts')],
  ['/deliveries/:id', () => import('./screens/delivery.ts')],
  ['/events', () => import('./screens/events.ts')],
  ['/events/:id', () => import('./screens/event.ts')],
  ['/keys', () => import('./screens/keys.ts')],
  ['/sessions', () => import('./screens/sessions.ts')],
  ['/audit', () => import('./screens/audit.ts')],
  ['/accounts', () => import('./screens/accounts.ts')],
  ['/system', () => import('./screens/system.ts')],
]

const loaded = new Map<Route, ScreenModule>()

async function load(route: Route): Promise<void> {
  loaded.set(route, await route[1]())
}

/** Loads the screen of the place meanwhile: what cannot be loaded then is loaded again, and reported, by its `Outlet`. */
export function loadAhead(): void {
  const found = routeOf(place.value.path)
  if (found) load(found.route).catch(() => {})
}

function routeOf(path: string): { route: Route; params: Readonly<Record<string, string>> } | undefined {
  for (const route of ROUTES) {
    const params = match(route[0], path)
    if (params) return { route, params }
  }
  return undefined
}

export function Outlet(): VNode {
  const { path } = place.value
  const found = routeOf(path)
  const [, redraw] = useState(0)
  const [broken, setBroken] = useState<ApiError | undefined>()
  // Before the browser paints: an effect would wait for the next frame.
  useLayoutEffect(() => {
    setBroken(undefined)
    if (!found || loaded.has(found.route)) return
    load(found.route).then(
      () => redraw((n) => n + 1),
      async (cause) => setBroken(await notLoaded(cause)),
    )
  }, [found?.route])
  if (!found) return component(NoScreen, {})
  const screen = loaded.get(found.route)
  // A key, so that another object starts with its own state.
  if (screen) return component(screen.default, { params: found.params, key: path })
  return broken ? component(NoModule, { error: broken }) : component(Skeleton, { lines: 8 })
}

function NoScreen(): VNode {
  return component(
    Page,
    { title: 'Page not found' },
    component(
      Empty,
      { title: 'There is no such page' },
      p({}, 'The link may be misspelt. ', a({ href: href('/') }, 'Go to the overview')),
    ),
  )
}

function NoModule({ error }: { error: ApiError }): VNode {
  const again = { type: 'button', class: 'button primary', onClick: () => location.reload() } as const
  return component(
    Page,
    { title: 'Page not loaded' },
    component(
      Empty,
      { title: 'This page could not be loaded' },
      component(Reason, { error }),
      button(again, TEXT.loadAgain),
    ),
  )
}
