/** Opens the dialogs of operators; each is loaded when it is first opened. */
import type { AlarmView } from '../../api/minipay/alarm-schemas.ts'
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import type { ProviderView } from '../../api/minipay/provider-schemas.ts'
import { api } from '../api.ts'
import { can } from '../me.ts'
import { component } from '../tags.ts'
import { showDialog } from '../ui/page.ts'

/** `onDone` gets what the server has made of it. */
type Open<T> = (of: T, onDone: (after: T) => void) => Promise<void>

export const openResolve: Open<AttemptView> = async (attempt, onDone) => {
  const { ResolveDialog } = await import('./resolve-dialog.ts')
  showDialog((onClose) => component(ResolveDialog, { attempt, onClose, onDone }))
}

export const openPause: Open<ProviderView> = async (provider, onDone) => {
  const { PauseDialog } = await import('./pause-dialogs.ts')
  showDialog((onClose) => component(PauseDialog, { provider, onClose, onDone }))
}

export const openResume: Open<ProviderView> = async (provider, onDone) => {
  const { ResumeDialog } = await import('./pause-dialogs.ts')
  showDialog((onClose) => component(ResumeDialog, { provider, onClose, onDone }))
}

/** The amount to book is in the currency of the payment, which the alarm does not have. */
export const openCloseAlarm: Open<AlarmView> = async (alarm, onDone) => {
  const { CloseAlarmDialog } = await import('./close-alarm-dialog.ts')
  const charge = can('charges:read')
    ? await api.get<ChargeView>(`/charges/${alarm.transaction_id}`).catch(() => undefined)
    : undefined
  showDialog((onClose) => component(CloseAlarmDialog, { alarm, currency: charge?.currency, onClose, onDone }))
}
