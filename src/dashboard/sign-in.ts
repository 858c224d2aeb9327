import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiError, asApiError, request } from './api.ts'
import { resume } from './me.ts'
import { Logo } from './navigation.ts'
import { keepProof } from './preferences.ts'
import { button, code, component, dialog, form, h1, p, type VNode } from './tags.ts'
import { TEXT } from './texts.ts'
import { Problem } from './ui/dialog.ts'
import { TextField } from './ui/field.ts'

/** The form that exchanges an API key for a session of this browser. */
export function SignIn(): VNode {
  const [key, setKey] = useState('')
  const [sending, setSending] = useState(false)
  const [error, setError] = useState<ApiError | undefined>()
  const element = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    document.title = `Sign in · ${TEXT.appName}`
    element.current?.showModal()
    return () => element.current?.close()
  }, [])
  const send = async (event: SubmitEvent) => {
    event.preventDefault()
    if (sending) return
    setSending(true)
    setError(undefined)
    try {
      const { proof } = await request<{ proof: string }>('POST', '/dashboard/session', {
        body: { key: key.trim() },
      })
      keepProof(proof)
      if (!(await resume()))
        throw new Error('This browser did not keep the session. It must accept cookies of this address.')
    } catch (caught) {
      setError(asApiError(caught))
      setSending(false)
    }
  }
  return dialog(
    {
      ref: element,
      class: 'sign-in',
      'aria-label': 'Sign in',
      onCancel: (event: Event) => event.preventDefault(),
    },
    form(
      { onSubmit: (event: SubmitEvent) => void send(event) },
      h1({}, component(Logo, {}), TEXT.appName),
      p({ class: 'soft' }, 'Sign in with an API key of this server. It decides what you see and may do.'),
      component(TextField, {
        ...{ name: 'key', label: 'API key', type: 'password', value: key, onInput: setKey, required: true },
        ...{ autocomplete: 'current-password', autoFocus: true },
      }),
      error ? component(Problem, { error }) : null,
      button({ type: 'submit', class: 'button primary', disabled: sending || key.trim() === '' }, 'Sign in'),
      p(
        { class: 'hint' },
        'No key? On the server, which must be stopped if it uses SQLite: ',
        code({}, "minipay keys create 'my name' --mode test --role administrator"),
      ),
    ),
  )
}
