import { useState } from 'preact/hooks'
import { shortId } from '../format.ts'
import { a, button, component, span, type VNode } from '../tags.ts'
import { TEXT } from '../texts.ts'
import { Icon } from './icon.ts'

const SHOWN_MS = 1_500

/** A button that copies a text. `label` says what: "Copy id". With `icon` only the drawing is shown. */
export function CopyButton({
  value,
  label,
  icon = false,
}: {
  value: string
  label: string
  icon?: boolean
}): VNode {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value)
      setCopied(true)
      setTimeout(() => setCopied(false), SHOWN_MS)
    } catch {
      // Without permission or without TLS there is no clipboard: the reader copies by hand.
      prompt(label, value)
    }
  }
  const shown = copied ? TEXT.copied : label
  const props = { type: 'button' as const, onClick: () => void copy() }
  return icon
    ? button(
        { ...props, class: 'plain copy', 'aria-label': shown, title: shown },
        component(Icon, { name: copied ? 'check' : 'copy' }),
      )
    : button({ ...props, class: 'button' }, shown)
}

/** An id, short and in mono: a link if `href` is given, with a button that copies the whole id. */
export function Id({ id, href, whole = false }: { id: string; href?: string; whole?: boolean }): VNode {
  const text = whole ? id : shortId(id)
  return span(
    { class: 'id' },
    href === undefined
      ? span({ class: 'mono', title: id }, text)
      : a({ class: 'mono', href, title: id }, text),
    component(CopyButton, { value: id, label: `Copy ${id}`, icon: true }),
  )
}
