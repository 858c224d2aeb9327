/** `minipay webhooks replay`: events are sent again to a webhook endpoint, in the background of the server. */
import type { WebhookReplayView } from '../api/minipay/webhook-replay-schemas.ts'
import { ConfigError } from '../config.ts'
import type { ApiClient } from './api.ts'
import { isDuration, pastMoment } from './moment.ts'

const POLL_MS = 1_000
const LISTED = 20
const TEXTS = ['last_error', 'idempotency_key']
const TIMES = ['since', 'until']
const NUMBERS = ['after_sequence', 'to_sequence']
const USAGE =
  'Usage: minipay webhooks replay ENDPOINT failed|past [RANGE …], or replay list ENDPOINT, follow ID or cancel ID. See minipay webhooks --help.'

const NO_BEGINNING =
  'Without a beginning, this would send every event again that the endpoint ever got. Give since=24h, since=2027-01-31 or ' +
  'after_sequence=N; or the word all, to send every event.'
const KEY_OF_A_TIME =
  'With idempotency_key, give a date or a time: a duration means another time when you repeat the command.'

/**
 * Starts a replay and follows it until it ends; or lists, follows or cancels replays. `now` is in ms since 1970. Returns the exit
 * status. Throws a `ConfigError` for wrong words, and for a replay of the past without a beginning.
 */
export async function replayCommand(api: ApiClient, words: readonly string[], now: number): Promise<number> {
  const [first, second, ...range] = words
  if (first === undefined || second === undefined) throw new ConfigError(USAGE)
  if (second !== 'failed' && second !== 'past') {
    if (range.length > 0) throw new ConfigError(USAGE)
    if (first === 'list') return list(api, second)
    if (first === 'follow') return follow(api, await api.get<WebhookReplayView>(pathOf(second)))
    if (first !== 'cancel') throw new ConfigError(USAGE)
    console.log(line(await api.post<WebhookReplayView>(`${pathOf(second)}/cancel`, {})))
    return 0
  }
  const { idempotency_key: key, ...fields } =
    second === 'past' ? pastFields(range, now) : fieldsOf(range, now)
  const headers = typeof key === 'string' ? { 'idempotency-key': key } : {}
  const replay = await api.post<WebhookReplayView>(replaysOf(first), { kind: second, ...fields }, headers)
  console.error(startedLine(replay))
  console.error(`To follow it later: minipay webhooks replay follow ${replay.id}`)
  return follow(api, replay)
}

const replaysOf = (endpoint: string) => `/api/v1/webhook_endpoints/${encodeURIComponent(endpoint)}/replays`
const pathOf = (id: string) => `/api/v1/webhook_replays/${encodeURIComponent(id)}`

async function follow(api: ApiClient, first: WebhookReplayView): Promise<number> {
  let replay = first
  let shown = ''
  while (replay.status === 'running') {
    if (line(replay) !== shown) console.error(line(replay))
    shown = line(replay)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    replay = await api.get<WebhookReplayView>(pathOf(replay.id))
  }
  console.log(line(replay))
  return 0
}

/** Prints the newest replays of an endpoint. */
async function list(api: ApiClient, endpoint: string): Promise<number> {
  type Page = { readonly data: readonly WebhookReplayView[]; readonly has_more: boolean }
  const { data, has_more: more } = await api.get<Page>(`${replaysOf(endpoint)}?limit=${LISTED}`)
  for (const replay of data) console.log(`${line(replay)}, started ${replay.created_at}`)
  if (data.length === 0) console.log('The endpoint has no replay.')
  if (more) console.error(`These are the newest ${LISTED}; there are more.`)
  return 0
}

function startedLine({ id, total, after_sequence: after, to_sequence: to }: WebhookReplayView): string {
  if (after === to) return `${id} has nothing to send.`
  const range = `events ${after + 1} to ${to}`
  if (total === null) return `${id} sends ${range} again: too many to count.`
  return `${id} sends ${total} of ${range} again.`
}

function line({ id, status, ...replay }: WebhookReplayView): string {
  const { position, to_sequence: to, total, sent, delivered } = replay
  const of = total === null ? '' : ` of ${total}`
  return `${id} ${status}: at event ${position} of ${to}, ${sent}${of} sent, ${delivered} delivered`
}

/** Everything is sent only on request: receivers may be unable to cope with a year of events. */
function pastFields(words: readonly string[], now: number): Record<string, unknown> {
  const isAll = words.includes('all')
  const fields = fieldsOf(
    words.filter((word) => word !== 'all'),
    now,
  )
  const hasBeginning = 'since' in fields || 'after_sequence' in fields
  if (isAll && hasBeginning) throw new ConfigError('Give all, or since=… or after_sequence=N, not both.')
  if (!isAll && !hasBeginning) throw new ConfigError(NO_BEGINNING)
  return fields
}

function fieldsOf(words: readonly string[], now: number): Record<string, unknown> {
  const isRepeatable = words.some((word) => word.startsWith('idempotency_key='))
  const fields: Record<string, unknown> = {}
  for (const word of words) {
    const at = word.indexOf('=')
    const [name, value] = [word.slice(0, at), word.slice(at + 1)]
    if (TEXTS.includes(name)) fields[name] = value
    else if (TIMES.includes(name)) {
      if (isRepeatable && isDuration(value)) throw new ConfigError(KEY_OF_A_TIME)
      fields[name] = pastMoment(name, value, now)
    } else if (NUMBERS.includes(name) && /^\d{1,15}$/.test(value)) fields[name] = Number(value)
    else if (name === 'event_types') fields[name] = value.split(',').map((type) => type.trim())
    else
      throw new ConfigError(
        `"${word}" is no range. Give since=…, until=…, after_sequence=N, to_sequence=N, event_types=…, last_error=… or idempotency_key=….`,
      )
  }
  return fields
}
