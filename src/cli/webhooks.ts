/** `minipay webhooks`: deliveries that failed for good, and another try for those that have something in common. */
import type { DeliveryView, DeliveryWithAttemptsView, RetriedView } from '../api/minipay/delivery-schemas.ts'
import { ConfigError } from '../config.ts'
import type { ApiClient } from './api.ts'
import { pastMoment } from './moment.ts'

const PATH = '/api/v1/webhook_deliveries'
/** More than these are only counted. */
const SHOWN = 100

type Page = { readonly data: readonly DeliveryView[]; readonly has_more: boolean }

/** Prints the newest that failed. Returns the exit status. */
export async function webhooksList(api: ApiClient): Promise<number> {
  const { data, has_more } = await api.get<Page>(`${PATH}?status=failed&limit=${SHOWN}`)
  for (const delivery of data) console.log(line(delivery))
  if (data.length === 0) console.log('No webhook has failed.')
  else
    console.error(
      `${has_more ? `\nThese are the newest ${SHOWN}; there are more.` : ''}\nSend them again, once the receiver is repaired:\n  minipay webhooks retry`,
    )
  return 0
}

/** Prints a delivery with its attempts. Returns the exit status. */
export async function webhooksShow(api: ApiClient, id: string): Promise<number> {
  const delivery = await api.get<DeliveryWithAttemptsView>(`${PATH}/${encodeURIComponent(id)}`)
  const next = delivery.next_attempt_at === null ? '' : `, next attempt ${delivery.next_attempt_at}`
  console.log(`${delivery.id} ${delivery.status}${next}`)
  console.log(`${delivery.event_type}, event ${delivery.event_sequence}, to ${delivery.endpoint}`)
  for (const { started_at, duration_ms, reason, status, error, response } of delivery.attempts_made) {
    const outcome = error ?? `the receiver responded with ${status}`
    console.log(`  ${started_at}  ${reason}, ${duration_ms} ms: ${outcome}`)
    if (response) console.log(`    ${response.replaceAll('\n', '\n    ')}`)
  }
  return 0
}

/**
 * Puts back one delivery, or every failed one that fits, call after call until none is left. `now` is in ms since 1970. Returns
 * the exit status.
 */
export async function webhooksRetry(api: ApiClient, words: readonly string[], now: number): Promise<number> {
  const [id = ''] = words
  if (words.length === 1 && id.startsWith('dlv_')) {
    await api.post(`${PATH}/${encodeURIComponent(id)}/retry`, {})
    console.log(`${id} will be sent again.`)
    return 0
  }
  const filter = filterOf(words, now)
  let queued = 0
  for (let cursor: string | null = null; ; ) {
    const result: RetriedView = await api.post<RetriedView>(`${PATH}/retry`, {
      ...filter,
      ...(cursor !== null && { starting_after: cursor }),
    })
    queued += result.queued
    cursor = result.next
    if (!result.has_more || cursor === null) break
  }
  const count = `${queued} ${queued === 1 ? 'webhook' : 'webhooks'}`
  console.log(filter['dry_run'] === true ? `${count} would be sent again.` : `${count} will be sent again.`)
  return 0
}

const TEXTS = ['event_type', 'endpoint']
const TIMES = ['created_gte', 'created_gt', 'created_lte', 'created_lt']

/** The request's fields from words such as `last_status=503`; the server checks their values. */
function filterOf(words: readonly string[], now: number): Record<string, unknown> {
  const filter: Record<string, unknown> = {}
  for (const word of words) {
    const at = word.indexOf('=')
    const [name, value] = [word.slice(0, at), word.slice(at + 1)]
    if (word === 'dry_run') filter['dry_run'] = true
    else if (TEXTS.includes(name)) filter[name] = value
    else if (TIMES.includes(name)) filter[name] = pastMoment(name, value, now)
    else if (name === 'last_status' && /^(\d{3}|none)$/.test(value))
      filter[name] = value === 'none' ? null : Number(value)
    else
      throw new ConfigError(
        `"${word}" is no filter. Give ${[...TEXTS, ...TIMES].map((text) => `${text}=…`).join(', ')}, last_status=503, last_status=none or dry_run.`,
      )
  }
  return filter
}

function line({ id, endpoint, event_sequence, event_type, attempts, ...delivery }: DeliveryView): string {
  const why = delivery.last_error ?? `status ${delivery.last_status}`
  return `${id}  ${event_type}, event ${event_sequence}, to ${endpoint}, ${delivery.created_at}, ${attempts} attempts: ${why}`
}
