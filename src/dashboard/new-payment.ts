/** Opens the form of a test payment, which is loaded when it is first wanted. */
import { can, me } from './me.ts'
import { button, component, type VNode } from './tags.ts'
import { showDialog, withModule } from './ui/page.ts'

export type NewPayment = {
  /** The card that is chosen at first: a token. */
  readonly card?: string
  /** Called with the id of the charge, also of one that was declined; otherwise its page is opened. */
  readonly onMade?: (id: string) => void
}

/** Whether the reader can make test payments at all. */
export function canMakePayments(): boolean {
  return me.value?.mode === 'test' && can('charges:write')
}

export function newPayment(wanted: NewPayment = {}): void {
  withModule(
    () => import('./new-payment-dialog.ts'),
    ({ NewPaymentDialog }) => showDialog((close) => component(NewPaymentDialog, { ...wanted, close })),
  )
}

/** A button for the actions of a page; nothing in live mode. */
export function NewPaymentButton(): VNode | null {
  if (!canMakePayments()) return null
  return button({ type: 'button', class: 'button primary', onClick: () => newPayment() }, 'New test payment')
}
