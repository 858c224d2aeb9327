import { useState } from 'preact/hooks'
import type { ChargeView } from '../api/minipay/charge-schemas.ts'
import type { ProviderView } from '../api/minipay/provider-schemas.ts'
import { ApiError, api } from './api.ts'
import { moneyWithCode, parseAmount } from './format.ts'
import { can } from './me.ts'
import type { NewPayment } from './new-payment.ts'
import { useResource } from './resource.ts'
import { go } from './router.ts'
import { component, div, p, type VNode } from './tags.ts'
import { cardChoices, GOOD_CARD } from './test-cards.ts'
import { FormDialog, type FormValues } from './ui/dialog.ts'
import { Checkbox, type Choice, SelectField, TextField } from './ui/field.ts'

const CURRENCIES: readonly Choice[] = ['usd', 'eur', 'gbp', 'jpy', 'kwd', 'huf'].map((code) => [
  code,
  code.toUpperCase(),
])
/** Kinds of providers that can lose a response on purpose. */
const LOSING = ['demo', 'http']

export function NewPaymentDialog({
  card = GOOD_CARD,
  onMade = (id) => go(`/payments/${id}`),
  close,
}: NewPayment & { close: () => void }): VNode {
  const [typed, setTyped] = useState('25.00')
  const [currency, setCurrency] = useState('usd')
  const amount = parseAmount(typed, currency)
  const problem =
    'problem' in amount ? amount.problem : amount.amount === 0 ? 'Type more than nothing.' : undefined
  const banks = useResource(async () =>
    can('operations:read') ? (await api.get<{ data: ProviderView[] }>('/providers')).data : [],
  )
  const withLost = banks.data.value?.some(({ kind }) => LOSING.includes(kind)) ?? false
  const send = async (values: FormValues, key: string) => {
    if ('problem' in amount) return undefined
    const { id, status, said } = await pay(values, { amount: amount.amount, currency }, key)
    onMade(id)
    return said ?? `${status === 'processing' ? 'Sent' : 'Charged'} ${moneyWithCode(amount.amount, currency)}`
  }
  return component(
    FormDialog,
    {
      title: 'New test payment',
      submit:
        problem === undefined && !('problem' in amount)
          ? `Charge ${moneyWithCode(amount.amount, currency)}`
          : 'Charge',
      purpose: 'new test payment',
      keyed: true,
      valid: problem === undefined,
      onSubmit: send,
      onClose: close,
    },
    p({ class: 'soft' }, 'No money moves: the card chooses what happens.'),
    div(
      { class: 'field-row' },
      component(TextField, {
        ...{
          name: 'typed',
          label: 'Amount',
          value: typed,
          onInput: setTyped,
          inputMode: 'decimal',
          autoFocus: true,
        },
        problem,
      }),
      component(SelectField, {
        name: 'currency',
        label: 'Currency',
        value: currency,
        choices: CURRENCIES,
        onChange: setCurrency,
      }),
    ),
    component(SelectField, {
      name: 'payment_method',
      label: 'Card',
      value: card,
      choices: cardChoices(withLost),
    }),
    component(TextField, {
      name: 'customer',
      label: 'Customer',
      value: 'cus_42',
      required: true,
      maxLength: 255,
    }),
    component(TextField, { name: 'description', label: 'Description', value: 'Two shirts', maxLength: 1000 }),
    component(Checkbox, { name: 'hold', label: 'Only hold the money, and capture it later' }),
  )
}

type Money = { readonly amount: number; readonly currency: string }
type Paid = { readonly id: string; readonly status: ChargeView['status']; readonly said?: string }

/** A payment that failed was made as well: its response has the charge. */
async function pay(
  { typed: _, hold, description, ...rest }: FormValues,
  money: Money,
  key: string,
): Promise<Paid> {
  const body = {
    ...rest,
    ...money,
    ...(description !== '' && { description }),
    ...(hold !== undefined && { capture: false }),
  }
  try {
    return await api.post<ChargeView>('/charges', body, { key })
  } catch (error) {
    const charge = error instanceof ApiError ? (error.body['charge'] as ChargeView | undefined) : undefined
    if (!(error instanceof ApiError) || !charge) throw error
    return { id: charge.id, status: charge.status, said: `Not charged: ${error.message}` }
  }
}
