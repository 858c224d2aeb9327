/** What a payment still allows, and the dialogs that do it. The server decides; this says what to draw. */
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import { component } from '../tags.ts'
import { showDialog, withModule } from '../ui/page.ts'

type Amounts = Pick<
  ChargeView,
  'amount_captured' | 'amount_refunded' | 'amount_refund_pending' | 'amount_disputed'
>

/** Minor units that can still be refunded: captured, and neither refunded, nor being refunded, nor disputed. */
export function leftToRefund(charge: Amounts): number {
  const { amount_captured, amount_refunded, amount_refund_pending, amount_disputed } = charge
  return Math.max(0, amount_captured - amount_refunded - amount_refund_pending - amount_disputed)
}

export function isRefundable(charge: ChargeView): boolean {
  return ['succeeded', 'partially_refunded'].includes(charge.status) && leftToRefund(charge) > 0
}

export const isCapturable = ({ status }: ChargeView): boolean => status === 'authorized'

export function isCancelable({ status, cancel_requested }: ChargeView): boolean {
  return ['authorized', 'requires_action', 'processing'].includes(status) && !cancel_requested
}

/** From so many minor units on, the reader types the amount once more: 1,000.00 of most currencies. */
const MUCH = 100_000
export const isMuch = (amount: number): boolean => amount >= MUCH

/** The command that reads a payment; the key comes from the environment, so that no copy contains one. */
export function curlOf(origin: string, id: string, withKey: boolean): string {
  const header = withKey ? ` -H "Authorization: Bearer $MINIPAY_API_KEY"` : ''
  return `curl '${origin}/api/v1/charges/${id}'${header}`
}

/** `onDone` is called once the server has done it, before the dialog closes. */
type Open = (charge: ChargeView, onDone: () => void) => void
const settling = () => import('./settle-dialogs.ts')

/** Opens a dialog; all that it needs is loaded when the first one is opened. */
export const openRefund: Open = (charge, onDone) =>
  withModule(
    () => import('./refund-dialog.ts'),
    ({ RefundDialog }) => showDialog((onClose) => component(RefundDialog, { charge, onClose, onDone })),
  )

export const openCapture: Open = (charge, onDone) =>
  withModule(settling, ({ CaptureDialog }) =>
    showDialog((onClose) => component(CaptureDialog, { charge, onClose, onDone })),
  )

export const openCancel: Open = (charge, onDone) =>
  withModule(settling, ({ CancelDialog }) =>
    showDialog((onClose) => component(CancelDialog, { charge, onClose, onDone })),
  )
