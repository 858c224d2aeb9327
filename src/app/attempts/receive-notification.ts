import { type Rejection, reject } from '../../domain/error.ts'
import type { RemoteProvider } from '../../ports/provider.ts'
import type { Context } from '../context.ts'

/** `duplicate`: it was stored before. */
export type Received = { readonly status: 'stored' | 'duplicate' }

/**
 * Verifies a provider's notification by the signature over the bytes of its body, and stores it; the notifications'
 * worker then looks up its payment. Rejections: `provider_not_found`, `notification_unverified`. Rejects with
 * `StoreUnavailable`.
 */
export async function receiveNotification(
  context: Context,
  name: string,
  body: Buffer,
  headers: Parameters<RemoteProvider['notification']>[1],
): Promise<Received | Rejection> {
  const provider = context.providers.get(name)
  if (!provider?.remote)
    return reject('provider_not_found', 'No provider of this name sends notifications.', 'name')
  const verified = await provider.notification(body, headers)
  if (!verified) {
    context.notifications.count(name, 'refused')
    return reject('notification_unverified', 'The notification cannot be verified.')
  }
  const isNew = await context.store.addNotification({
    id: context.newId('ntf'),
    provider: name,
    notificationId: verified.id,
    subject: verified.subject,
    tries: 0,
    receivedAt: context.now(),
  })
  const status = isNew ? 'stored' : 'duplicate'
  context.notifications.count(name, status)
  return { status }
}
