/** What an event is about. */
import type { EventView } from '../../api/minipay/event-schemas.ts'

/** The id of its object, and its place in the dashboard. */
export function objectOf({ type, data }: Pick<EventView, 'type' | 'data'>): {
  readonly id: string | undefined
  readonly path: string | undefined
} {
  const { id } = data as { readonly id?: string }
  if (id === undefined) return { id, path: undefined }
  return { id, path: type.startsWith('webhook_endpoint.') ? `/webhooks/${id}` : `/payments/${id}` }
}
