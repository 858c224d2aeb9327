/** `minipay webhooks replay`: events are sent again to a webhook endpoint, in the background of the server. */
import type { WebhookReplayView } from '../api/minipay/webhook-replay-schemas.ts'
import { ConfigError } from '../config.ts'
import type { ApiClient } from './api.ts'

const POLL_MS = 1_000
const TEXTS = ['since', 'until']
const NUMBERS = ['after_sequence', 'to_sequence']

/** Starts a replay and follows it until it ends, or cancels one. Returns the exit status. */
export async function replayCommand(api: ApiClient, words: readonly string[]): Promise<number> {
  const [endpoint, kind, ...range] = words
  if (endpoint === 'cancel' && kind !== undefined && range.length === 0) {
    console.log(line(await api.post<WebhookReplayView>(`${pathOf(kind)}/cancel`, {})))
    return 0
  }
  if (endpoint === undefined || (kind !== 'failed' && kind !== 'past'))
    throw new ConfigError(
      'Usage: minipay webhooks replay ENDPOINT failed|past [RANGE …], or replay cancel ID. See minipay webhooks --help.',
    )
  const path = `/api/v1/webhook_endpoints/${encodeURIComponent(endpoint)}/replays`
  let replay = await api.post<WebhookReplayView>(path, { kind, ...rangeOf(range) })
  console.error(`${replay.id} sends events ${replay.after_sequence + 1} to ${replay.to_sequence} again.`)
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

const pathOf = (id: string) => `/api/v1/webhook_replays/${encodeURIComponent(id)}`

function line({ id, status, position, to_sequence: to, sent, delivered }: WebhookReplayView): string {
  return `${id} ${status}: at event ${position} of ${to}, ${sent} sent, ${delivered} delivered`
}

function rangeOf(words: readonly string[]): Record<string, unknown> {
  const range: Record<string, unknown> = {}
  for (const word of words) {
    const at = word.indexOf('=')
    const [name, value] = [word.slice(0, at), word.slice(at + 1)]
    if (TEXTS.includes(name)) range[name] = value
    else if (NUMBERS.includes(name) && /^\d{1,15}$/.test(value)) range[name] = Number(value)
    else if (name === 'event_types') range[name] = value.split(',').map((type) => type.trim())
    else
      throw new ConfigError(
        `"${word}" is no range. Give since=…, until=…, after_sequence=N, to_sequence=N or event_types=….`,
      )
  }
  return range
}
