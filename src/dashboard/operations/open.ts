/** Opens the dialogs of operators; each is loaded when it is first opened. */
import type { AlarmView } from '../../api/minipay/alarm-schemas.ts'
import type { AttemptView } from '../../api/minipay/attempt-schemas.ts'
import type { ChargeView } from '../../api/minipay/charge-schemas.ts'
import type { ProviderView } from '../../api/minipay/provider-schemas.ts'
import { api } from '../api.ts'
import { can } from '../me.ts'
import { component } from '../tags.ts'
import { showDialog, withModule } from '../ui/page.ts'

/** `onDone` gets what the server has made of it. */
type Open<T> = (of: T, onDone: (after: T) => void) => void
const pausing = () => import('./pause-dialogs.ts')

export const openResolve: Open<AttemptView> = (attempt, onDone) =>
  withModule(
    () => import('./resolve-dialog.ts'),
    ({ ResolveDialog }) => showDialog((onClose) => component(ResolveDialog, { attempt, onClose, onDone })),
  )

export const openPause: Open<ProviderView> = (provider, onDone) =>
  withModule(pausing, ({ PauseDialog }) =>
    showDialog((onClose) => component(PauseDialog, { provider, onClose, onDone })),
  )

export const openResume: Open<ProviderView> = (provider, onDone) =>
  withModule(pausing, ({ ResumeDialog }) =>
    showDialog((onClose) => component(ResumeDialog, { provider, onClose, onDone })),
  )

/** The amount to book is in the currency of the payment, which the alarm does not have. */
export const openCloseAlarm: Open<AlarmView> = (alarm, onDone) =>
  withModule(
    () => Promise.all([import('./close-alarm-dialog.ts'), currencyOf(alarm)]),
    ([{ CloseAlarmDialog }, currency]) =>
      showDialog((onClose) => component(CloseAlarmDialog, { alarm, currency, onClose, onDone })),
  )

async function currencyOf({ transaction_id: id }: AlarmView): Promise<string | undefined> {
  if (!can('charges:read')) return undefined
  return (await api.get<ChargeView>(`/charges/${id}`).catch(() => undefined))?.currency
}
