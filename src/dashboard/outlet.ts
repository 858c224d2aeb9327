/** Shows the screen of the place. */
import { useEffect, useState } from 'preact/hooks'
import { href, match, place } from './router.ts'
import { ROUTES, type Route, type ScreenModule } from './routes.ts'
import { a, button, component, p, type VNode } from './tags.ts'
import { Empty, Skeleton } from './ui/empty.ts'
import { Page } from './ui/page.ts'

const loaded = new Map<Route, ScreenModule>()

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
  const [broken, setBroken] = useState(false)
  useEffect(() => {
    setBroken(false)
    if (!found || loaded.has(found.route)) return
    found.route[1]().then(
      (screen) => {
        loaded.set(found.route, screen)
        redraw((n) => n + 1)
      },
      () => setBroken(true),
    )
  }, [found?.route])
  if (!found) return component(NoScreen, {})
  const screen = loaded.get(found.route)
  // A key, so that another object starts with its own state.
  if (screen) return component(screen.default, { params: found.params, key: path })
  return broken ? component(NoModule, {}) : component(Skeleton, { lines: 8 })
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

/** After an update of the server, the modules of this page no longer exist. */
function NoModule(): VNode {
  return component(
    Empty,
    { title: 'This page could not be loaded' },
    p({}, 'MiniPay did not respond, or was updated meanwhile.'),
    button({ type: 'button', class: 'button primary', onClick: () => location.reload() }, 'Load again'),
  )
}
