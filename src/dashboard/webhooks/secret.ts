import { component, p, type VNode } from '../tags.ts'
import { showDialog } from '../ui/dialog.ts'
import { NoticeDialog, ShownOnce } from '../ui/notice-dialog.ts'

/** Shows the secret of an endpoint, this once. */
export function showSecret(secret: string): void {
  showDialog((close) => component(SecretDialog, { secret, close }))
}

function SecretDialog({ secret, close }: { secret: string; close: () => void }): VNode {
  return component(
    NoticeDialog,
    { title: 'Store the secret', done: 'I have stored it', onClose: close },
    p({}, 'Your receiver verifies with it that webhooks come from MiniPay. MiniPay shows it only now.'),
    component(ShownOnce, { secret, label: 'Secret' }),
  )
}
