import { signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
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
  p,
  span,
  type VNode,
} from '../tags.ts'
import { TEXT } from '../texts.ts'

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

/** A screen: heading, actions and content. The heading gets the focus when the screen appears, for screen readers. */
export function Page({ title, heading, above, here, actions, children }: PageProps): VNode {
  const top = useRef<HTMLHeadingElement>(null)
  useLayoutEffect(() => {
    document.title = `${title} · ${TEXT.appName}`
  }, [title])
  useLayoutEffect(() => {
    if (document.activeElement === document.body) top.current?.focus({ preventScroll: true })
  }, [])
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

/** A part that is loaded once it is needed, after what is already shown. */
export function Later<P extends object>({ load, props }: LaterProps<P>): VNode | null {
  const [Part, setPart] = useState<((props: P) => VNode | null) | undefined>()
  useEffect(() => {
    load().then(
      (part) => setPart(() => part),
      // Without it, the rest can be read; the next load of the page tries again.
      () => {},
    )
  }, [])
  return Part ? component(Part, props) : null
}

const opened = signal<(() => VNode) | undefined>(undefined)

/** Shows a dialog above every screen, so that a screen that changes meanwhile does not close it. */
export function showDialog(draw: (close: () => void) => VNode): void {
  opened.value = () => draw(closeDialog)
}
export function closeDialog(): void {
  opened.value = undefined
}

/** Loads a module when it is first needed, such as that of a dialog, and runs `use` with it; or says that it cannot. */
export function withModule<M>(load: () => Promise<M>, use: (module: M) => void): void {
  load().then(use, () => showDialog((close) => component(NotLoaded, { close })))
}

/** After an update of the server, the modules of this page no longer exist. */
function NotLoaded({ close }: { close: () => void }): VNode {
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => element.current?.showModal(), [])
  return dialog(
    { ref: element, 'aria-label': TEXT.notLoaded, onCancel: close },
    div(
      { class: 'notice' },
      h2({}, TEXT.notLoaded),
      p({}, TEXT.updated),
      footer(
        {},
        button({ type: 'button', class: 'button', onClick: close }, TEXT.cancel),
        button({ type: 'button', class: 'button primary', onClick: () => location.reload() }, TEXT.loadAgain),
      ),
    ),
  )
}

/** The place of the dialog in the page. */
export function Dialogs(): VNode | null {
  return opened.value?.() ?? null
}
