/** Dialogs that end an authorization: capture it, or cancel it. */
import { useState } from 'preact/hooks'
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import { api } from '../api.ts'
import { decimal, moneyWithCode } from '../format.ts'
import { component, p, type VNode } from '../tags.ts'
import { FormDialog } from '../ui/dialog.ts'
import { TextField } from '../ui/field.ts'
import { isMuch } from './actions.ts'
import { checked } from './refund-dialog.ts'

type DialogProps = { charge: ChargeView; onClose: () => void; onDone: () => void }

/** Captures an authorized payment, or a part of it. */
export function CaptureDialog({ charge, onClose, onDone }: DialogProps): VNode {
  const { id, currency, amount: held } = charge
  const [typed, setTyped] = useState(decimal(held, currency))
  const read = checked(typed, currency, held)
  const amount = 'amount' in read ? read.amount : undefined
  const words = amount === undefined ? currency.toUpperCase() : moneyWithCode(amount, currency)
  const rest = amount === undefined ? 0 : held - amount
  const send = async (_: unknown, key: string) => {
    const { status } = await api.post<ChargeView>(`/charges/${id}/capture`, { amount }, { key })
    onDone()
    return status === 'processing' ? `The capture of ${words} is processing` : `Captured ${words}`
  }
  return component(
    FormDialog,
    {
      ...{ title: 'Capture payment', submit: `Capture ${words}`, purpose: `capture ${id}`, keyed: true },
      ...{ valid: amount !== undefined, onSubmit: send, onFormer: onDone, onClose },
      confirm:
        amount !== undefined && isMuch(amount)
          ? { label: `Type ${decimal(amount, currency)} to confirm`, text: decimal(amount, currency) }
          : undefined,
    },
    component(TextField, {
      ...{ name: 'amount', label: `Amount in ${currency.toUpperCase()}`, value: typed, onInput: setTyped },
      ...{ inputMode: 'decimal', autoFocus: true, problem: 'problem' in read ? read.problem : undefined },
    }),
    p(
      { class: 'soft' },
      rest > 0
        ? `The provider releases the other ${moneyWithCode(rest, currency)}. You can capture only once.`
        : 'This is the whole authorized amount.',
    ),
  )
}

/** Cancels a payment whose money was not taken. */
export function CancelDialog({ charge, onClose, onDone }: DialogProps): VNode {
  const words = moneyWithCode(charge.amount, charge.currency)
  const send = async (_: unknown, key: string) => {
    const { status } = await api.post<ChargeView>(`/charges/${charge.id}/cancel`, {}, { key })
    onDone()
    return status === 'canceled' ? `Canceled ${words}` : `${words} will be canceled`
  }
  return component(
    FormDialog,
    {
      ...{ title: 'Cancel payment', submit: `Cancel ${words}`, purpose: `cancel ${charge.id}` },
      ...{ danger: true, keyed: true, onSubmit: send, onFormer: onDone, onClose },
    },
    p(
      {},
      charge.status === 'processing'
        ? 'The outcome is not known yet. MiniPay cancels or refunds the payment as soon as it knows.'
        : 'The provider releases the money. This cannot be undone.',
    ),
  )
}
