/** Dialogs that end sessions. */
import type { DashboardSessionView } from '../api/minipay/session-schemas.ts'
import { api } from './api.ts'
import { plural } from './format.ts'
import { component, p, type VNode } from './tags.ts'
import { FormDialog } from './ui/dialog.ts'
import type { Changing } from './ui/rename-dialog.ts'

export function EndDialog({ session, close, onDone }: Changing & { session: DashboardSessionView }): VNode {
  const end = async () => {
    await api.remove(`/sessions/${session.id}`)
    onDone()
    return 'Ended the session'
  }
  return component(
    FormDialog,
    {
      ...{ title: 'End session', submit: 'End the session', purpose: `end ${session.id}` },
      ...{ onSubmit: end, onClose: close },
    },
    p(
      {},
      `${session.browser ?? 'The browser'} at ${session.address} has to sign in again. If you do not know it, revoke the key, too: who has the key can sign in again.`,
    ),
  )
}

export function EndOthersDialog({ of, close, onDone }: Changing & { of: string | undefined }): VNode {
  const end = async () => {
    const { ended } = await api.post<{ ended: number }>('/sessions/end_others', of ? { key: of } : {})
    onDone()
    return `Ended ${plural(ended, 'session')}`
  }
  return component(
    FormDialog,
    {
      ...{
        title: 'End sessions',
        submit: 'End all others',
        danger: true,
        purpose: `end sessions ${of ?? ''}`,
      },
      ...{ onSubmit: end, onClose: close },
    },
    p({}, 'Every browser that is signed in with the key, but this one, has to sign in again.'),
  )
}
