import { useState } from 'preact/hooks'
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import { api } from '../api.ts'
import { decimal, moneyWithCode, parseAmount } from '../format.ts'
import { component, p, type VNode } from '../tags.ts'
import { statusOf } from '../texts.ts'
import { FormDialog } from '../ui/dialog.ts'
import { SelectField, TextArea, TextField } from '../ui/field.ts'

type Props = { attempt: AttemptView; onClose: () => void; onDone: (after: AttemptView) => void }

const OUTCOMES = [
  ['', 'Choose…'],
  ['succeeded', 'Succeeded: the provider did it'],
  ['failed', 'Failed: the provider did not do it'],
] as const

/** Why the values cannot be sent, by field. */
function problemsOf(attempt: AttemptView, outcome: string, reference: string, typed: string) {
  const { kind, currency, amount: asked, provider_reference: known } = attempt
  const needs = outcome === 'succeeded' && kind === 'authorize' && known === null && reference.trim() === ''
  const read = typed.trim() === '' ? { amount: asked } : parseAmount(typed, currency)
  const wrong =
    'problem' in read
      ? read.problem
      : read.amount > asked
        ? `At most ${decimal(asked, currency)}.`
        : undefined
  return {
    reference: needs ? 'Captures and refunds need the reference of the payment.' : undefined,
    amount: wrong,
    moved: 'amount' in read ? read.amount : asked,
  }
}

/** Records the outcome that a person found at the provider. Moves money in the books, so the amount is typed. */
export function ResolveDialog({ attempt, onClose, onDone }: Props): VNode {
  const { id, kind, provider, currency, amount: asked } = attempt
  const [outcome, setOutcome] = useState('')
  const [reference, setReference] = useState('')
  const [typed, setTyped] = useState('')
  const [reason, setReason] = useState('')
  const inPart = outcome === 'succeeded' && (kind === 'capture' || kind === 'refund')
  const problems = problemsOf(attempt, outcome, reference, inPart ? typed : '')
  const words = moneyWithCode(asked, currency)
  const isValid =
    outcome !== '' && reason.trim() !== '' && reason.length <= 200 && !problems.reference && !problems.amount
  const send = async () => {
    const after = await api.post<AttemptView>(`/attempts/${id}/resolve`, {
      outcome,
      note: reason.trim(),
      expected_status: attempt.status,
      ...(reference.trim() !== '' && { provider_reference: reference.trim() }),
      ...(inPart && typed.trim() !== '' && { amount: problems.moved }),
    })
    onDone(after)
    return `Resolved: ${statusOf(after.status).word.toLowerCase()}`
  }
  return component(
    FormDialog,
    {
      ...{ title: 'Resolve attempt', submit: outcome === '' ? 'Resolve' : `Resolve ${words} as ${outcome}` },
      ...{ purpose: `resolve ${id}`, danger: true, valid: isValid, onSubmit: send, onClose },
      confirm: { label: `Type ${decimal(asked, currency)} to confirm`, text: decimal(asked, currency) },
    },
    p(
      { class: 'soft' },
      `Find the ${kind === 'authorize' ? 'payment' : kind} of ${words} at the dashboard of ${provider} first. `,
      'MiniPay looks it up once more: if the provider reports an outcome, that counts in place of yours.',
    ),
    component(SelectField, {
      ...{ name: 'outcome', label: 'What the provider shows', value: outcome, choices: OUTCOMES },
      onChange: setOutcome,
    }),
    component(TextField, {
      ...{ name: 'reference', label: "The provider's reference", value: reference, onInput: setReference },
      ...{ maxLength: 255, problem: problems.reference },
      hint: attempt.provider_reference === null ? undefined : `Known so far: ${attempt.provider_reference}`,
    }),
    inPart
      ? component(TextField, {
          ...{ name: 'amount', label: `Amount that moved, in ${currency.toUpperCase()}`, value: typed },
          ...{ onInput: setTyped, inputMode: 'decimal', placeholder: decimal(asked, currency) },
          problem: problems.amount,
        })
      : null,
    component(TextArea, {
      ...{ name: 'note', label: 'Reason', value: reason, onInput: setReason, rows: 2 },
      hint: 'What you saw, in your words. It is stored with the attempt and in the audit log.',
      problem: reason.length > 200 ? 'At most 200 characters.' : undefined,
    }),
  )
}
