import { useEffect, useRef } from 'preact/hooks'
import { button, type ComponentChildren, component, dialog, div, footer, h2, type VNode } from '../tags.ts'
import { TEXT } from '../texts.ts'
import { CopyButton } from './values.ts'

type NoticeDialogProps = {
  title: string
  /** The word of its button; "Close" unless given. */
  done?: string
  onClose: () => void
  children?: ComponentChildren
}

/** A modal dialog that shows something and has nothing to send: a result, or a secret. */
export function NoticeDialog({ title, done = TEXT.close, onClose, children }: NoticeDialogProps): VNode {
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const shown = element.current
    shown?.showModal()
    return () => shown?.close()
  }, [])
  return dialog(
    {
      ref: element,
      'aria-label': title,
      onCancel: (event: Event) => {
        event.preventDefault()
        onClose()
      },
    },
    div(
      { class: 'notice' },
      h2({}, title),
      children,
      footer({}, button({ type: 'button', class: 'button primary', onClick: onClose }, done)),
    ),
  )
}

/** A secret that MiniPay shows only now, to copy. */
export function ShownOnce({ secret, label }: { secret: string; label: string }): VNode {
  return div(
    { class: 'secret' },
    div({ class: 'mono', role: 'textbox', 'aria-readonly': true, 'aria-label': label, tabIndex: 0 }, secret),
    component(CopyButton, { value: secret, label: `Copy ${label.toLowerCase()}` }),
  )
}
