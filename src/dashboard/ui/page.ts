import { signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { ApiError, asApiError, respond } from '../api.ts'
import {
  a,
  button,
  type ComponentChildren,
  component,
  dialog,
  div,
  footer,
  h1,
  h2,
  header,
  li,
  nav,
  ol,
  span,
  type VNode,
} from '../tags.ts'
import { TEXT } from '../texts.ts'
import { Failure, Reason } from './empty.ts'

type PageProps = {
  /** Also the title of the window. */
  title: string
  /** The heading, if it is more than the title: an amount with a badge. */
  heading?: ComponentChildren
  /** What is above: `{ label: 'Payments', href: href('/payments') }`. */
  above?: { label: string; href: string }
  /** What follows `above`: the id. */
  here?: ComponentChildren
  /** Buttons on the right: at most one of them `primary`. */
  actions?: ComponentChildren
  children?: ComponentChildren
}

/** A screen: heading, actions and content. The heading gets the focus when the screen, or another one in its place, appears. */
export function Page({ title, heading, above, here, actions, children }: PageProps): VNode {
  const top = useRef<HTMLHeadingElement>(null)
  useLayoutEffect(() => {
    document.title = `${title} · ${TEXT.appName}`
  }, [title])
  // After the paint: the browser would lay out the page for it before the screen's requests are sent.
  useEffect(() => {
    if (document.activeElement === document.body) top.current?.focus({ preventScroll: true })
  }, [title])
  return div(
    { class: 'page' },
    above ? component(Breadcrumb, { above, here }) : null,
    header(
      { class: 'page-head' },
      h1({ tabIndex: -1, ref: top }, heading ?? title),
      actions ? div({ class: 'actions' }, actions) : null,
    ),
    children,
  )
}

function Breadcrumb({
  above,
  here,
}: Pick<PageProps, 'here'> & { above: { label: string; href: string } }): VNode {
  return nav(
    { class: 'breadcrumb', 'aria-label': 'Breadcrumb' },
    ol(
      {},
      li({}, a({ href: above.href }, above.label)),
      here ? li({}, span({ 'aria-current': 'page' }, here)) : null,
    ),
  )
}

type LaterProps<P> = { load: () => Promise<(props: P) => VNode | null>; props: P }

/** A part that is loaded once it is needed, after what is already shown; or why it cannot be, with a way to try again. */
export function Later<P extends object>({ load, props }: LaterProps<P>): VNode | null {
  const [Part, setPart] = useState<((props: P) => VNode | null) | undefined>()
  const [error, setError] = useState<ApiError | undefined>()
  const tries = useRef(0)
  const tryToLoad = () => {
    tries.current++
    load().then(
      (part) => setPart(() => part),
      async (cause) => setError(await notLoaded(cause)),
    )
  }
  useEffect(tryToLoad, [])
  if (Part) return component(Part, props)
  // A browser may remember that a module failed, and after an update it has another address: then the page loads again.
  const retry = () => (tries.current < 2 ? tryToLoad() : location.reload())
  return error ? component(Failure, { error, onRetry: retry }) : null
}

/**
 * Why a module could not be loaded: an import does not tell, so the module is requested once more. After an update of the
 * server it no longer exists; every other refusal says its own reason.
 */
export async function notLoaded(cause: unknown): Promise<ApiError> {
  const [address] = /https?:\S+/.exec(String(cause)) ?? []
  const again = respond(address === undefined ? '' : new URL(address).pathname, {})
  const error = await again.then(() => undefined, asApiError)
  if (error && error.status !== 0 && error.status !== 404) return error
  return new ApiError(error?.status ?? 0, { error: TEXT.updated }, error?.requestId)
}

/** The dialog above every screen, which `Dialogs` shows. */
export const opened = signal<(() => VNode) | undefined>(undefined)

/** Shows a dialog above every screen, so that a screen that changes meanwhile does not close it. */
export function showDialog(draw: (close: () => void) => VNode): void {
  opened.value = () => draw(closeDialog)
}
export function closeDialog(): void {
  opened.value = undefined
}

/** Loads a module when it is first needed, such as that of a dialog, and runs `use` with it; or says that it cannot. */
export function withModule<M>(load: () => Promise<M>, use: (module: M) => void): void {
  load().then(use, async (cause) => {
    const error = await notLoaded(cause)
    showDialog((close) => component(NotLoaded, { error, close }))
  })
}

function NotLoaded({ error, close }: { error: ApiError; close: () => void }): VNode {
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => element.current?.showModal(), [])
  return dialog(
    { ref: element, 'aria-label': TEXT.notLoaded, onCancel: close },
    div(
      { class: 'notice' },
      h2({}, TEXT.notLoaded),
      component(Reason, { error }),
      footer(
        {},
        button({ type: 'button', class: 'button', onClick: close }, TEXT.cancel),
        button({ type: 'button', class: 'button primary', onClick: () => location.reload() }, TEXT.loadAgain),
      ),
    ),
  )
}
