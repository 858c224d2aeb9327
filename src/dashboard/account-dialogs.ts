/** Dialogs that change accounts. */
import type { AccountView } from '../api/minipay/account-schemas.ts'
import { api } from './api.ts'
import { component, p, type VNode } from './tags.ts'
import { FormDialog, type FormValues } from './ui/dialog.ts'
import { TextField } from './ui/field.ts'
import type { Changing } from './ui/rename-dialog.ts'

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
      'It cannot be opened again. MiniPay refuses its keys within a second, deletes its webhook endpoints, and still settles its open payments.',
    ),
  )
}
