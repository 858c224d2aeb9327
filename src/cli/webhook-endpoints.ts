/** `minipay webhooks endpoints`: webhook endpoints are made, listed, changed, tested and deleted. */
import type { WebhookEndpointView, WebhookTestView } from '../api/minipay/webhook-endpoint-schemas.ts'
import { ConfigError } from '../config.ts'
import type { ApiClient } from './api.ts'
import { table } from './table.ts'

const PATH = '/api/v1/webhook_endpoints'

type Page = { readonly data: readonly WebhookEndpointView[]; readonly has_more: boolean }
type WithSecret = WebhookEndpointView & { readonly secret: string }

/** Runs one form of the command. Returns the exit status. Throws a `ConfigError` with the usage. */
export async function endpointsCommand(
  api: ApiClient,
  [verb = 'list', id, ...words]: readonly string[],
): Promise<number> {
  if (verb === 'list' && id === undefined) return list(api)
  if (id !== undefined && id !== '') {
    const path = `${PATH}/${encodeURIComponent(id)}`
    if (verb === 'create') return made(await api.post(PATH, { url: id, ...fieldsOf(words) }))
    if (verb === 'update' && words.length > 0) return print([await api.patch(path, fieldsOf(words))])
    if (verb === 'rotate' && words.length <= 1)
      return made(await api.post(`${path}/rotate_secret`, overlapOf(words[0])))
    if (words.length === 0) {
      if (verb === 'enable' || verb === 'disable') return print([await api.post(`${path}/${verb}`, {})])
      if (verb === 'test') return tested(await api.post(`${path}/test`, {}))
      if (verb === 'delete') {
        await api.delete(path)
        console.log(`${id} is deleted.`)
        return 0
      }
    }
  }
  throw new ConfigError(
    'Usage: minipay webhooks endpoints, or minipay webhooks endpoints create URL, or update, enable, disable, rotate, test or delete ID. See minipay webhooks --help.',
  )
}

async function list(api: ApiClient): Promise<number> {
  const all: WebhookEndpointView[] = []
  for (let after = ''; ; ) {
    const { data, has_more } = await api.get<Page>(`${PATH}?limit=100${after}`)
    all.push(...data)
    if (!has_more) break
    after = `&starting_after=${data.at(-1)?.id}`
  }
  return print(all)
}

/** The secret alone on standard output, so that a script can take it; the rest on standard error. */
function made(endpoint: WithSecret): number {
  console.error(describe([endpoint]))
  console.error('\nThis is the secret that signs its webhooks. MiniPay never shows it again:')
  console.log(endpoint.secret)
  return 0
}

function tested({ delivered, status, duration_ms, error, response }: WebhookTestView): number {
  const what = error ?? `the receiver responded with ${status}`
  console.log(`${delivered ? 'Delivered' : 'Not delivered'} after ${duration_ms} ms: ${what}`)
  if (response) console.log(response)
  return delivered ? 0 : 1
}

function print(endpoints: readonly WebhookEndpointView[]): number {
  if (endpoints.length === 0) console.error('There is no webhook endpoint.')
  else console.log(describe(endpoints))
  return 0
}

function describe(endpoints: readonly WebhookEndpointView[]): string {
  return table(
    ['ID', 'STATUS', 'BACKLOG', 'PENDING', 'FAILED', 'FAILING SINCE', 'EVENTS', 'URL'],
    endpoints.map((endpoint) => [
      endpoint.id,
      endpoint.disabled_reason === null ? endpoint.status : `disabled (${endpoint.disabled_reason})`,
      ...[endpoint.backlog, endpoint.pending, endpoint.failed].map(String),
      endpoint.failing_since ?? '-',
      ...[endpoint.events.join(','), endpoint.url],
    ]),
  )
}

const wholeOf = (text: string) => (/^-?\d{1,15}$/.test(text) ? Number(text) : text)
const partsOf = (text: string) => text.split(',').map((part) => part.trim())

/** How the words of a command line become the values of the API; the server checks them. */
const VALUES: Readonly<Record<string, (text: string) => unknown>> = {
  url: (text) => text,
  description: (text) => text,
  events: partsOf,
  format: (text) => text,
  ordered: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  rate_limit: wholeOf,
  retry_delays_seconds: (text) => (text === '' ? [] : partsOf(text).map(wholeOf)),
  disable_after_seconds: wholeOf,
  version: wholeOf,
}
const MAPS: Readonly<Record<string, string>> = { header: 'headers', metadata: 'metadata' }

/** The request's fields from words such as `events=payment.*` and `header.x-shop=lisbon`. */
function fieldsOf(words: readonly string[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const word of words) {
    const [, name = '', key, value = ''] = /^([a-z_]+)(?:\.([^=]+))?=(.*)$/s.exec(word) ?? []
    const map = MAPS[name]
    const read = VALUES[name]
    if (map !== undefined && key !== undefined)
      fields[map] = { ...(fields[map] as object | undefined), [key]: value }
    else if (key === undefined && map !== undefined && value === 'none') fields[map] = {}
    else if (key === undefined && read) fields[name] = value === 'none' ? null : read(value)
    else
      throw new ConfigError(
        `"${word}" is no field. Give ${Object.keys(VALUES).join(', ')}, header.NAME or metadata.NAME, each as FIELD=VALUE.`,
      )
  }
  return fields
}

function overlapOf(word: string | undefined): object {
  const [, seconds] = /^overlap_seconds=(\d{1,9})$/.exec(word ?? 'overlap_seconds=86400') ?? []
  if (seconds === undefined) throw new ConfigError('Give the overlap as overlap_seconds=3600.')
  return { overlap_seconds: Number(seconds) }
}
