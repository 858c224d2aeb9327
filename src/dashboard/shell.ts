/** The frame of every screen: navigation, top bar, and the place of the screen. */
import { signedOut } from './api.ts'
import { loadMe, me, meError } from './me.ts'
import { Navigation } from './navigation-bar.ts'
import { Outlet } from './outlet.ts'
import { SignIn } from './sign-in.ts'
import { a, component, div, fragment, main, type VNode } from './tags.ts'
import { TopBar } from './top-bar.ts'
import { Dialogs } from './ui/dialog.ts'
import { Failure, Skeleton } from './ui/empty.ts'
import { Toasts } from './ui/toast.ts'

export function Shell(): VNode {
  if (signedOut.value) return component(SignIn, {})
  const mode = me.value?.mode
  return fragment(
    a({ class: 'skip', href: '#content' }, 'Skip to content'),
    div(
      { class: `frame ${mode === 'test' ? 'test' : ''}` },
      component(Navigation, {}),
      div(
        { class: 'side-by' },
        component(TopBar, {}),
        main({ id: 'content', tabIndex: -1 }, component(Content, {})),
      ),
    ),
    component(Dialogs, {}),
    component(Toasts, {}),
  )
}

function Content(): VNode {
  if (me.value) return component(Outlet, {})
  if (meError.value) return component(Failure, { error: meError.value, onRetry: () => void loadMe() })
  return component(Skeleton, { lines: 8 })
}
