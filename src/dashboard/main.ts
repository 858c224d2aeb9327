/** The first module of the dashboard: the frame of every screen, with navigation, top bar and the place of the screen. */
import { effect } from '@preact/signals'
import { render } from 'preact'
import { signedOut, signInHeld } from './api.ts'
import { markPlace } from './live.ts'
import { can, loadMe, me, meError, resume } from './me.ts'
import { Navigation } from './navigation.ts'
import { onOtherTab } from './preferences.ts'
import { followLinks } from './router.ts'
import { loadAhead, Outlet } from './routes.ts'
import { a, component, div, fragment, main, type VNode } from './tags.ts'
import { OpenBar, TopBar } from './top-bar.ts'
import { Failure, Skeleton } from './ui/empty.ts'
import { Later } from './ui/page.ts'

function Shell(): VNode {
  return fragment(
    a({ class: 'skip', href: '#content' }, 'Skip to content'),
    component(OpenBar, {}),
    div(
      { class: `frame ${me.value?.mode ?? ''}` },
      component(Navigation, {}),
      div(
        { class: 'side-by' },
        component(TopBar, {}),
        main({ id: 'content', tabIndex: -1 }, component(Content, {})),
      ),
    ),
    me.value ? component(Later<object>, { load: loadLate, props: {}, key: 'late' }) : null,
    // Above the screen, which keeps what was typed until the same person is back.
    signedOut.value && !signInHeld.value
      ? component(Later<object>, { load: loadSignIn, props: {}, key: 'sign-in' })
      : null,
  )
}

function Content(): VNode {
  if (me.value) return component(Outlet, {})
  if (meError.value) return component(Failure, { error: meError.value, onRetry: () => void loadMe() })
  return component(Skeleton, { lines: 8 })
}

const loadSignIn = () => import('./sign-in.ts').then(({ SignIn }) => SignIn)
const loadLate = () => import('./late.ts').then(({ Late }) => Late)

/** How long the page stays empty until the server has said who the reader is. */
const PATIENCE_MS = 200

const root = document.getElementById('dashboard')
if (root) {
  followLinks()
  effect(() => {
    if (can('webhooks:read')) void markPlace()
  })
  onOtherTab(() => void resume())
  const known = loadMe()
  loadAhead()
  // In time, the first frame is the whole page, and the requests of its screen are sent before it is painted.
  await Promise.race([known, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))])
  render(component(Shell, {}), root)
  // After the first rows.
  void import('./attention.ts').then(({ startAttention }) => startAttention())
}
