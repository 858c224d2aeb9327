/** Opens the dialogs of a payment; each is loaded when it is first opened. */
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import { component } from '../tags.ts'
import { showDialog } from '../ui/page.ts'

/** `onDone` is called once the server has done it, before the dialog closes. */
type Open = (charge: ChargeView, onDone: () => void) => Promise<void>

export const openRefund: Open = async (charge, onDone) => {
  const { RefundDialog } = await import('./refund-dialog.ts')
  showDialog((onClose) => component(RefundDialog, { charge, onClose, onDone }))
}

export const openCapture: Open = async (charge, onDone) => {
  const { CaptureDialog } = await import('./settle-dialogs.ts')
  showDialog((onClose) => component(CaptureDialog, { charge, onClose, onDone }))
}

export const openCancel: Open = async (charge, onDone) => {
  const { CancelDialog } = await import('./settle-dialogs.ts')
  showDialog((onClose) => component(CancelDialog, { charge, onClose, onDone }))
}
