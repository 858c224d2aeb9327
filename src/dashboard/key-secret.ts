/** Shows the secret of a new key, this once. */
import { useEffect, useRef } from 'preact/hooks'
import { signInHeld } from './api.ts'
import { loadMe, me } from './me.ts'
import { button, code, component, dialog, div, footer, form, h2, p, pre, type VNode } from './tags.ts'
import { showDialog } from './ui/dialog.ts'
import { CopyButton } from './ui/values.ts'

export type MadeKey = { readonly name: string; readonly secret: string }

/**
 * Makes a key, and shows its secret once the dialog that made it has closed. With the first key, or without its own former
 * one, the page is signed out at once: the form to sign in waits until the secret is stored.
 */
export async function makeAndShow(make: () => Promise<MadeKey>, onDone: () => void): Promise<undefined> {
  signInHeld.value = true
  try {
    const made = await make()
    onDone()
    setTimeout(() => showDialog((close) => component(SecretDialog, { made, close })))
  } catch (error) {
    signInHeld.value = false
    throw error
  }
}

function SecretDialog({ made: { name, secret }, close }: { made: MadeKey; close: () => void }): VNode {
  const element = useRef<HTMLDialogElement>(null)
  const isFirst = me.value?.key === null
  useEffect(() => {
    const shown = element.current
    shown?.showModal()
    return () => {
      // Its event comes later, when the dialog is no longer in the page.
      element.current = null
      shown?.close()
    }
  }, [])
  const done = () => {
    close()
    signInHeld.value = false
    // A server without keys needs one from now on.
    if (isFirst) void loadMe()
  }
  return dialog(
    {
      ref: element,
      'aria-label': 'Copy the key',
      // Escape would lose the only copy. Browsers let a page prevent the first one alone.
      onCancel: (event: Event) => event.preventDefault(),
      onClose: () => element.current?.showModal(),
    },
    form(
      {
        onSubmit: (event: SubmitEvent) => {
          event.preventDefault()
          done()
        },
      },
      h2({}, 'Copy the key now'),
      p({}, `MiniPay stores a hash of “${name}” only, and cannot show it again.`),
      div(
        { class: 'command secret' },
        pre({ tabIndex: 0 }, code({}, secret)),
        component(CopyButton, { value: secret, label: 'Copy the key', icon: true }),
      ),
      isFirst
        ? p({ class: 'note' }, 'From now on every request needs a key. Sign in with this one next.')
        : null,
      footer({}, button({ type: 'submit', class: 'button primary' }, 'I have stored it')),
    ),
  )
}
