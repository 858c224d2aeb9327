/** Dialogs that change accounts. */
import type { AccountView } from '../api/minipay/account-schemas.ts'
import { api } from './api.ts'
import { component, p, type VNode } from './tags.ts'
import { FormDialog, type FormValues } from './ui/dialog.ts'
import { TextField } from './ui/field.ts'

/** What every dialog gets: how it closes, and what to do once accounts have changed. */
export type Changing = { readonly close: () => void; readonly onDone: () => void }
export function CreateDialog({ close, onDone }: Changing): VNode {
  const create = async ({ name }: FormValues) => {
    await api.post('/accounts', { name })
    onDone()
    return `Made the account “${name}”`
  }
  return component(
    FormDialog,
    {
      title: 'Make an account',
      submit: 'Make the account',
      purpose: 'make an account',
      onSubmit: create,
      onClose: close,
    },
    p(
      { class: 'soft' },
      'Its payments, ledger, events, rules and keys are apart from those of other accounts.',
    ),
    component(TextField, { name: 'name', label: 'Name', required: true, maxLength: 255, autoFocus: true }),
  )
}

type OfAccount = Changing & { readonly account: AccountView }

export function RenameDialog({ account: { id, name }, close, onDone }: OfAccount): VNode {
  const rename = async (values: FormValues) => {
    await api.patch(`/accounts/${id}`, { name: values['name'] })
    onDone()
    return 'Renamed the account'
  }
  return component(
    FormDialog,
    { title: 'Rename account', submit: 'Rename', purpose: `rename ${id}`, onSubmit: rename, onClose: close },
    component(TextField, {
      name: 'name',
      label: 'Name',
      value: name,
      required: true,
      maxLength: 255,
      autoFocus: true,
    }),
  )
}

export function CloseDialog({ account: { id, name }, close, onDone }: OfAccount): VNode {
  const end = async () => {
    await api.post(`/accounts/${id}/close`)
    onDone()
    return `Closed “${name}”`
  }
  return component(
    FormDialog,
    {
      ...{ title: 'Close account', submit: 'Close the account', danger: true, purpose: `close ${id}` },
      confirm: { label: `Type the name of the account: ${name}`, text: name.trim() },
      ...{ onSubmit: end, onClose: close },
    },
    p(
      {},
      'MiniPay refuses its keys within a second, for ever. Open payments are still settled and webhooks delivered.',
    ),
  )
}
