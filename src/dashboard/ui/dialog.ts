import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api.ts'
import {
  button,
  type ComponentChildren,
  code,
  component,
  dialog,
  div,
  footer,
  form,
  fragment,
  h2,
  p,
  type VNode,
} from '../tags.ts'
import { TEXT } from '../texts.ts'
import { endRequest, failRequest, isUnresolved, keyOf, newKey, startRequest } from './dialog-key.ts'
import { adviceOf, outcomeOf } from './dialog-outcome.ts'
import { TextField } from './field.ts'
import { toast } from './toast.ts'

/** It is apart, so that a screen need not load forms before one is opened. */
export { showDialog } from './page.ts'

export type FormValues = Readonly<Record<string, string>>

type FormDialogProps = {
  /** A verb and an object: "Refund payment". */
  title: string
  /** Repeats both: "Refund 12.41 USD". */
  submit: string
  /** Names what is changed, such as `refund txn_…`: then a reload in the middle repeats the request under its key. */
  purpose: string
  /** The request carries the Idempotency-Key. Without it, a second press after a lost response may do it twice. */
  keyed?: boolean
  /** The button is red, and never the default. */
  danger?: boolean
  /** A text that the reader has to type, for what does much harm: the amount, the id or the name. */
  confirm?: { label: string; text: string } | undefined
  /** False while the typed values cannot be sent. */
  valid?: boolean
  /**
   * Sends the request with this Idempotency-Key, which stays the same as long as the dialog is open, unless an outcome
   * is stored under it. The text that it returns says what was done. An error is shown in the dialog, and everything that
   * was typed stays.
   */
  onSubmit: (values: FormValues, key: string) => Promise<string | undefined>
  /** Loads again what the dialog changes: an earlier request of it, with other values, may have gone through. */
  onFormer?: () => void
  onClose: () => void
  children?: ComponentChildren
}

/** A form in a modal dialog. Enter sends it once; Escape closes it, unless it is being sent. */
export function FormDialog(props: FormDialogProps): VNode {
  const { title, submit, purpose, danger = false, confirm, valid = true, onSubmit, onClose, children } = props
  const { onFormer, keyed = false } = props
  const element = useRef<HTMLDialogElement>(null)
  const [key, setKey] = useState(() => keyOf(purpose))
  const unresolved = useRef(isUnresolved(purpose))
  const [sending, setSending] = useState(false)
  const [error, setError] = useState<ApiError | undefined>()
  const outcome = error && outcomeOf(error)
  const isFormer = useRef(false)
  isFormer.current = outcome === 'former'
  const [typed, setTyped] = useState('')
  useEffect(() => {
    const shown = element.current
    shown?.showModal()
    return () => {
      shown?.close()
      if (isFormer.current) endRequest(purpose)
    }
  }, [])
  const send = async (event: SubmitEvent) => {
    event.preventDefault()
    const fields = event.currentTarget
    if (sending || !(fields instanceof HTMLFormElement)) return
    const values = Object.fromEntries([...new FormData(fields)].map(([name, value]) => [name, String(value)]))
    setSending(true)
    setError(undefined)
    startRequest(purpose, key)
    try {
      const done = await onSubmit(values, key)
      endRequest(purpose)
      onClose()
      if (done !== undefined) toast(done)
    } catch (caught) {
      const failed = asApiError(caught)
      const ended = outcomeOf(failed)
      unresolved.current = failRequest(purpose, ended, unresolved.current)
      if (ended === 'former') onFormer?.()
      // Pressing the button again asks for another outcome.
      if (ended === 'decided') setKey(newKey())
      setError(failed)
      setSending(false)
    }
  }
  const confirmed = confirm === undefined || typed.trim() === confirm.text
  const ready = valid && confirmed && !sending && outcome !== 'former'
  return dialog(
    {
      ref: element,
      'aria-label': title,
      onCancel: (event: Event) => {
        event.preventDefault()
        if (!sending) onClose()
      },
    },
    form(
      { onSubmit: (event: SubmitEvent) => void send(event), noValidate: false },
      h2({}, title),
      children,
      confirm
        ? component(TextField, { name: 'confirm', label: confirm.label, value: typed, onInput: setTyped })
        : null,
      error ? component(Problem, { error, advice: outcome && adviceOf(outcome, keyed) }) : null,
      footer(
        {},
        button(
          { type: 'button', class: 'button', disabled: sending, onClick: onClose },
          TEXT[outcome === 'former' ? 'close' : 'cancel'],
        ),
        button(
          { type: 'submit', class: `button ${danger ? 'danger' : 'primary'}`, disabled: !ready },
          submit,
        ),
      ),
    ),
  )
}

/** The sentence of an error, each of its problems, some advice, and the request id. */
export function Problem({ error, advice }: { error: ApiError; advice?: string | undefined }): VNode {
  return div(
    { class: 'problem-box', role: 'alert' },
    p({}, error.message),
    fragment(...error.problems.map(({ path, message }) => p({ key: path }, code({}, path), ' ', message))),
    advice === undefined ? null : p({}, advice),
    error.requestId === undefined ? null : p({ class: 'soft' }, 'Request ', code({}, error.requestId)),
  )
}
