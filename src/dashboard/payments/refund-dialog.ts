import { useState } from 'preact/hooks'
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import type { RefundView } from '../../api/minipay/refund-schemas.ts'
import { api } from '../api.ts'
import { decimal, moneyWithCode, parseAmount } from '../format.ts'
import { component, p, type VNode } from '../tags.ts'
import { FormDialog, type FormValues } from '../ui/dialog.ts'
import { SelectField, TextField } from '../ui/field.ts'
import { isMuch, leftToRefund } from './actions.ts'

const REASONS = [
  ['', 'No reason'],
  ['requested_by_customer', 'Requested by the customer'],
  ['duplicate', 'Duplicate'],
  ['fraudulent', 'Fraudulent'],
] as const

type DialogProps = { charge: ChargeView; onClose: () => void; onDone: () => void }

/** Refunds a payment in full or in part. The amount is typed in major units, and what is left is its default. */
export function RefundDialog({ charge, onClose, onDone }: DialogProps): VNode {
  const { id, currency } = charge
  const left = leftToRefund(charge)
  const [typed, setTyped] = useState(decimal(left, currency))
  const read = checked(typed, currency, left)
  const amount = 'amount' in read ? read.amount : undefined
  const words = amount === undefined ? currency.toUpperCase() : moneyWithCode(amount, currency)
  const send = async (values: FormValues, key: string) => {
    const body = { transaction_id: id, amount, ...(values['reason'] !== '' && { reason: values['reason'] }) }
    const refund = await api.post<RefundView>('/refunds', body, { key })
    onDone()
    return refund.status === 'processing' ? `The refund of ${words} is processing` : `Refunded ${words}`
  }
  return component(
    FormDialog,
    {
      ...{ title: 'Refund payment', submit: `Refund ${words}`, purpose: `refund ${id}`, keyed: true },
      ...{ valid: amount !== undefined, onSubmit: send, onFormer: onDone, onClose },
      confirm:
        amount !== undefined && isMuch(amount)
          ? { label: `Type ${decimal(amount, currency)} to confirm`, text: decimal(amount, currency) }
          : undefined,
    },
    p({ class: 'soft' }, `${moneyWithCode(left, currency)} can be refunded to `, charge.customer, '.'),
    component(TextField, {
      ...{ name: 'amount', label: `Amount in ${currency.toUpperCase()}`, value: typed, onInput: setTyped },
      ...{ inputMode: 'decimal', autoFocus: true, problem: 'problem' in read ? read.problem : undefined },
    }),
    component(SelectField, { name: 'reason', label: 'Reason', choices: REASONS }),
  )
}

/** A typed amount from one minor unit up to `most`. */
export function checked(
  typed: string,
  currency: string,
  most: number,
): { amount: number } | { problem: string } {
  const read = parseAmount(typed, currency)
  if ('problem' in read) return read
  if (read.amount === 0) return { problem: 'Type an amount above zero.' }
  if (read.amount > most) return { problem: `At most ${moneyWithCode(most, currency)} is left.` }
  return read
}
