import { useState } from 'preact/hooks'
import type { ProviderView } from '../../api/minipay/provider-schemas.ts'
import { api } from '../api.ts'
import { can } from '../me.ts'
import { component, p, type VNode } from '../tags.ts'
import { FormDialog, type FormValues } from '../ui/dialog.ts'
import { Checkbox, SelectField, TextArea } from '../ui/field.ts'

type Props = { provider: ProviderView; onClose: () => void; onDone: (after: ProviderView) => void }

const MOST = 200

function useReason() {
  const [reason, setReason] = useState('')
  const isValid = reason.trim() !== '' && reason.length <= MOST
  const field = component(TextArea, {
    ...{ name: 'reason', label: 'Reason', value: reason, onInput: setReason, rows: 2 },
    hint: 'For the others on call. It is stored in the audit log.',
    problem: reason.length > MOST ? `At most ${MOST} characters.` : undefined,
  })
  return { reason: reason.trim(), isValid, field }
}

/** New charges pass over the provider, which may cost payments: its name is typed. */
export function PauseDialog({ provider: { name }, onClose, onDone }: Props): VNode {
  const { reason, isValid, field } = useReason()
  const send = async (values: FormValues) => {
    const body = { reason, ...(values['all_accounts'] === 'on' && { all_accounts: true }) }
    onDone(await api.post<ProviderView>(`/providers/${name}/pause`, body))
    return `Paused ${name}`
  }
  return component(
    FormDialog,
    {
      ...{ title: `Pause ${name}`, submit: `Pause ${name}`, purpose: `pause ${name}`, danger: true },
      ...{
        valid: isValid,
        onSubmit: send,
        onClose,
        confirm: { label: `Type ${name} to confirm`, text: name },
      },
    },
    p(
      { class: 'soft' },
      'New charges go to other providers, and fail if there are none. Captures, cancels, refunds and lookups go on.',
    ),
    field,
    can('accounts:write')
      ? component(Checkbox, {
          ...{ name: 'all_accounts', label: 'For all accounts' },
          hint: 'Otherwise for the charges of this account alone.',
        })
      : null,
  )
}

/** New charges go to the provider again. With two pauses, the reader says which one ends. */
export function ResumeDialog({ provider: { name, pauses }, onClose, onDone }: Props): VNode {
  const { reason, isValid, field } = useReason()
  const mine = pauses.filter(({ all_accounts: all }) => !all || can('accounts:write'))
  const send = async (values: FormValues) => {
    const all = mine.length > 1 ? values['which'] === 'all' : mine[0]?.all_accounts === true
    const body = { reason, ...(all && { all_accounts: true }) }
    onDone(await api.post<ProviderView>(`/providers/${name}/resume`, body))
    return `Resumed ${name}`
  }
  return component(
    FormDialog,
    {
      ...{ title: `Resume ${name}`, submit: `Resume ${name}`, purpose: `resume ${name}` },
      ...{ valid: isValid, onSubmit: send, onClose },
    },
    p({ class: 'soft' }, 'New charges go to it again within a second.'),
    mine.length > 1
      ? component(SelectField, {
          ...{ name: 'which', label: 'The pause' },
          choices: [
            ['one', 'Of this account'],
            ['all', 'Of all accounts'],
          ],
        })
      : null,
    field,
  )
}
