/** Dialogs that change API keys. */
import type { ApiKeyView } from '../api/minipay/key-schemas.ts'
import { api } from './api.ts'
import { type MadeKey, makeAndShow } from './key-secret.ts'
import { me } from './me.ts'
import { component, p, span, type VNode } from './tags.ts'
import { FormDialog, type FormValues } from './ui/dialog.ts'
import { type Choice, SelectField } from './ui/field.ts'
import type { Changing } from './ui/rename-dialog.ts'

type OfKey = Changing & { readonly apiKey: ApiKeyView }

const OVERLAPS: readonly Choice[] = [
  ['0', 'Not at all: it ends now'],
  ['3600', 'An hour'],
  ['86400', 'A day'],
  ['604800', 'A week'],
]

export function RollKeyDialog({ apiKey: { id, name }, close, onDone }: OfKey): VNode {
  const roll = ({ overlap }: FormValues) =>
    makeAndShow(() => api.post<MadeKey>(`/keys/${id}/roll`, { overlap_seconds: Number(overlap) }), onDone)
  return component(
    FormDialog,
    { title: 'Roll API key', submit: 'Roll the key', purpose: `roll ${id}`, onSubmit: roll, onClose: close },
    p({}, `MiniPay makes a successor of “${name}” with the same rights, and shows it once.`),
    component(SelectField, {
      name: 'overlap',
      label: 'The old key still works for',
      value: '86400',
      choices: OVERLAPS,
    }),
  )
}

export function RevokeKeyDialog({ apiKey: { id, name, hint }, close, onDone }: OfKey): VNode {
  const isOwn = me.value?.key?.id === id
  const revoke = async () => {
    await api.post(`/keys/${id}/revoke`)
    onDone()
    return `Revoked “${name}”`
  }
  return component(
    FormDialog,
    {
      ...{ title: 'Revoke API key', submit: 'Revoke the key', danger: true, purpose: `revoke ${id}` },
      confirm: { label: `Type the name of the key: ${name}`, text: name.trim() },
      ...{ onSubmit: revoke, onClose: close },
    },
    p({}, 'Every node refuses ', span({ class: 'mono' }, hint), ' within a second. This cannot be undone.'),
    isOwn ? p({ class: 'note' }, 'You are signed in with this key: you will be signed out.') : null,
  )
}
