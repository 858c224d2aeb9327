/** The first module of the dashboard: the frame of every screen, with navigation, top bar and the place of the screen. */
import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { signedOut, signInHeld } from './api.ts'
import { loadMe, me, meError } from './me.ts'
import { Navigation } from './navigation.ts'
import './preferences.ts'
import { followLinks } from './router.ts'
import { Outlet } from './routes.ts'
import { a, component, div, fragment, main, type VNode } from './tags.ts'
import { OpenBar, TopBar } from './top-bar.ts'
import { Failure, Skeleton } from './ui/empty.ts'

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
    me.value ? component(Later, { load: loadLate, key: 'late' }) : null,
    // Above the screen, which keeps what was typed until the same person is back.
    signedOut.value && !signInHeld.value ? component(Later, { load: loadSignIn, key: 'sign-in' }) : null,
  )
}

function Content(): VNode {
  if (me.value) return component(Outlet, {})
  if (meError.value) return component(Failure, { error: meError.value, onRetry: () => void loadMe() })
  return component(Skeleton, { lines: 8 })
}

const loadSignIn = () => import('./sign-in.ts').then(({ SignIn }) => SignIn)
const loadLate = () => import('./late.ts').then(({ Late }) => Late)

/** A part that is loaded once it is needed, after what is already shown. */
function Later({ load }: { load: () => Promise<() => VNode> }): VNode | null {
  const [Part, setPart] = useState<(() => VNode) | undefined>()
  useEffect(() => {
    load().then(
      (part) => setPart(() => part),
      // Without it, screens can be read; the next load of the page tries again.
      () => {},
    )
  }, [])
  return Part ? component(Part, {}) : null
}

const root = document.getElementById('dashboard')
if (root) {
  followLinks()
  void loadMe()
  render(component(Shell, {}), root)
  // After the first rows.
  void import('./attention.ts').then(({ startAttention }) => startAttention())
}
