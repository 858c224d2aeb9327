import { useState } from 'preact/hooks'
import type { AlarmView } from '../../api/minipay/alarm-schemas.ts'
import { api } from '../api.ts'
import { moneyWithCode, parseAmount } from '../format.ts'
import { component, p, type VNode } from '../tags.ts'
import { FormDialog } from '../ui/dialog.ts'
import { TextArea, TextField } from '../ui/field.ts'

type Props = {
  alarm: AlarmView
  /** Of its payment; undefined if the reader may not see it. */
  currency: string | undefined
  onClose: () => void
  onDone: (after: AlarmView) => void
}

/** What an amount means for the kinds that can book one. */
const BOOKS: Readonly<Record<string, string>> = {
  already_captured: 'that the provider captured',
  already_refunded: 'that the provider refunded',
  dispute_mismatch: 'that is reserved for the dispute',
}
const MOST = 500

/** Closes an alarm with a reason, and books an amount if there is one. */
export function CloseAlarmDialog({ alarm, currency, onClose, onDone }: Props): VNode {
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const meaning = currency === undefined ? undefined : BOOKS[alarm.kind]
  const read = typed.trim() === '' || currency === undefined ? undefined : parseAmount(typed, currency)
  const amount = read && 'amount' in read ? read.amount : undefined
  const send = async (_: unknown, key: string) => {
    const body = { reason: reason.trim(), ...(amount !== undefined && { amount }) }
    onDone(await api.post<AlarmView>(`/alarms/${alarm.id}/close`, body, { key }))
    return 'Closed the alarm'
  }
  const booking = amount !== undefined && currency !== undefined ? moneyWithCode(amount, currency) : undefined
  return component(
    FormDialog,
    {
      ...{ title: 'Close alarm', submit: booking ? `Close and book ${booking}` : 'Close alarm' },
      ...{
        purpose: `close ${alarm.id}`,
        keyed: true,
        danger: booking !== undefined,
        onSubmit: send,
        onClose,
      },
      valid: reason.trim() !== '' && reason.length <= MOST && (read === undefined || 'amount' in read),
    },
    p({ dir: 'auto' }, alarm.message),
    p(
      { class: 'soft' },
      `Check it at the dashboard of ${alarm.provider} first.`,
      alarm.in_doubt ? ' Then captures, cancels and refunds of the payment are allowed again.' : '',
    ),
    meaning === undefined || currency === undefined
      ? null
      : component(TextField, {
          ...{ name: 'amount', label: `Amount ${meaning}, in ${currency.toUpperCase()}`, value: typed },
          ...{ onInput: setTyped, inputMode: 'decimal', hint: 'Leave it empty to book nothing.' },
          problem: read && 'problem' in read ? read.problem : undefined,
        }),
    component(TextArea, {
      ...{ name: 'reason', label: 'Reason', value: reason, onInput: setReason, rows: 3 },
      hint: 'What you found, in your words.',
      problem: reason.length > MOST ? `At most ${MOST} characters.` : undefined,
    }),
  )
}
