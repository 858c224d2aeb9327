/** Notifications that providers send to MiniPay. */
import { receiveNotification } from '../app/attempts/receive-notification.ts'
import { isRejection } from '../domain/error.ts'
import { NoQuery, sendObject } from '../http/endpoint.ts'
import { named, object, oneOf, string } from '../http/schema.ts'
import type { Endpoint } from './endpoint.ts'
import { sendRejection } from './errors.ts'
import { ATTEMPT } from './openapi/example-objects.ts'

const NameParams = object({
  name: string({ description: 'The name of the provider, from your configuration.', examples: ['bank_a'] }),
})

const Notified = named(
  'NotificationReceived',
  object({
    status: oneOf(['stored', 'duplicate'], { description: '`duplicate` when it had been stored before.' }),
  }),
  'Whether the notification was stored.',
)

const notificationEndpoint: Endpoint = {
  id: 'receiveProviderNotification',
  method: 'POST',
  url: '/providers/:name/notifications',
  permission: null,
  summary: "Receive a provider's notification",
  description:
    'Set this address at your provider. MiniPay verifies the signature over the bytes of the body, stores the notification and responds. Then it looks up the payment at the provider. A repeated notification has no further effect.',
  tag: 'Providers',
  params: NameParams,
  query: NoQuery,
  raw: true,
  responses: { 200: { description: 'The notification is stored.', schema: Notified } },
  errors: ['provider_not_found', 'notification_unverified', 'payload_too_large'],
  examples: [
    {
      name: 'http',
      summary: 'A notification of a provider of the kind `http`',
      body: { id: 'ntf_1', about: 'attempt', reference: ATTEMPT.id },
      status: 200,
      response: { status: 'stored' },
    },
  ],
  async handle({ context, onNotification }, request, reply) {
    const { name } = request.params as { name: string }
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    const received = await receiveNotification(context, name, body, request.headers)
    if (isRejection(received)) {
      if (received.code === 'notification_unverified') onNotification(name, 'refused')
      return sendRejection(reply, received)
    }
    onNotification(name, received.status)
    return sendObject(reply, received)
  },
}

export const inboundEndpoints: readonly Endpoint[] = [notificationEndpoint]
