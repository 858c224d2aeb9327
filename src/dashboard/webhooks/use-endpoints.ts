import type { WebhookEndpointView } from '../../api/minipay/webhook-endpoint-schemas.ts'
import { api } from '../api.ts'
import { usePoll } from '../poll.ts'
import { type ListPage, type Resource, useResource } from '../resource.ts'

const PAGE = 100

/** Every endpoint, the newest first; an account has a thousand at most. */
async function load(signal?: AbortSignal): Promise<readonly WebhookEndpointView[]> {
  const all: WebhookEndpointView[] = []
  for (;;) {
    const query = { limit: PAGE, starting_after: all.at(-1)?.id }
    const page = await api.get<ListPage<WebhookEndpointView>>(
      '/webhook_endpoints',
      query,
      signal ? { signal } : {},
    )
    all.push(...page.data)
    if (!page.has_more) return all
  }
}

/** The endpoints of the account and mode, kept current. */
export function useEndpoints(): Resource<readonly WebhookEndpointView[]> {
  const endpoints = useResource(load)
  usePoll(async () => {
    const now = await load()
    endpoints.update(() => now)
  })
  return endpoints
}

/** One endpoint, kept current. */
export function useEndpoint(id: string): Resource<WebhookEndpointView> {
  const get = (signal?: AbortSignal) =>
    api.get<WebhookEndpointView>(`/webhook_endpoints/${encodeURIComponent(id)}`, {}, signal ? { signal } : {})
  const endpoint = useResource(get, [id])
  usePoll(async () => {
    const now = await get()
    endpoint.update((before) => (before.id === now.id ? now : before))
  })
  return endpoint
}
