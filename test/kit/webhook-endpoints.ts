/** Webhook endpoints, as tests make and watch them. */
import assert from 'node:assert/strict'
import type { AuditEntryView } from '../../src/api/minipay/audit-schemas.ts'
import type { DeliveryView, DeliveryWithAttemptsView } from '../../src/api/minipay/delivery-schemas.ts'
import type { WebhookEndpointView } from '../../src/api/minipay/webhook-endpoint-schemas.ts'
import type { WebhookReplayView } from '../../src/api/minipay/webhook-replay-schemas.ts'
import { type Client, type Page, until } from './client.ts'

export type EndpointAnswer = WebhookEndpointView & { readonly secret: string }
export const ENDPOINTS_PATH = '/api/v1/webhook_endpoints'
export const DELIVERIES_PATH = '/api/v1/webhook_deliveries'

type Api = Pick<Client, 'get' | 'post'>

/** Makes an endpoint; fails unless the server accepts it. */
export async function makeEndpoint(api: Api, fields: object): Promise<EndpointAnswer> {
  const { status, body } = await api.post<EndpointAnswer>(ENDPOINTS_PATH, fields)
  assert.equal(status, 201, JSON.stringify(body))
  return body
}

export async function endpointNow(api: Api, id: string): Promise<WebhookEndpointView> {
  const { status, body } = await api.get<WebhookEndpointView>(`${ENDPOINTS_PATH}/${id}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

/** Resolves when so many deliveries of the endpoint have failed for good. */
export async function untilFailed(api: Api, id: string, count: number): Promise<void> {
  await until(
    () => endpointNow(api, id),
    ({ failed }) => failed === count,
  )
}

/** The newest deliveries, at most a hundred. */
export async function deliveriesNow(api: Api, query = ''): Promise<readonly DeliveryView[]> {
  return (await api.get<Page<DeliveryView>>(`${DELIVERIES_PATH}?limit=100${query}`)).body.data
}

export async function deliveryNow(api: Api, id: string): Promise<DeliveryWithAttemptsView> {
  const { status, body } = await api.get<DeliveryWithAttemptsView>(`${DELIVERIES_PATH}/${id}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

/** The replay, once it has ended. */
export async function endedReplay(api: Api, id: string): Promise<WebhookReplayView> {
  const path = `/api/v1/webhook_replays/${id}`
  const { body } = await until(
    () => api.get<WebhookReplayView>(path),
    ({ body }) => body.status !== 'running',
  )
  return body
}

/** What a test does with the endpoints of a server. */
export function endpointsOf(api: () => Client) {
  return {
    patch: <T = WebhookEndpointView>(id: string, body: object) =>
      api().request<T>('PATCH', `${ENDPOINTS_PATH}/${id}`, body),
    remove: (id: string) => api().request<{ deleted: boolean }>('DELETE', `${ENDPOINTS_PATH}/${id}`),
    /** The newest, at most a hundred. */
    list: async (query = '') =>
      (await api().get<Page<WebhookEndpointView>>(`${ENDPOINTS_PATH}?limit=100${query}`)).body.data,
    /** The audit entries of an object, the oldest first. */
    async log(object: string) {
      const path = `/api/v1/audit?object=${object}&limit=100`
      return (await api().get<Page<AuditEntryView>>(path)).body.data.toReversed()
    },
  }
}
