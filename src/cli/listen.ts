/** `minipay listen`: follows the events of a server and posts each to a receiver on this machine, signed as a webhook. */
import { hash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { EventView } from '../api/minipay/event-schemas.ts'
import { ConfigError } from '../config.ts'
import { deliveryIdOf } from '../domain/webhooks/delivery.ts'
import { secretKey, signatureHeaders } from '../signing.ts'
import { type ApiClient, ApiError, causeOf } from './api.ts'
import { type Message, messagesOf } from './event-messages.ts'

/** How long the receiver may take, in ms. */
const RECEIVER_MS = 30_000
/** The longest silence of the server, which sends a comment every 15 s, in ms. */
const SILENCE_MS = 45_000
/** The waits before it connects again, in ms. */
const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [1_000, 15_000]

type Listening = {
  readonly to: URL
  /** The signing secret. */
  readonly secret: string
  readonly key: Buffer
  /** The filter of event types; null for all. */
  readonly types: string | null
  /** Null: it begins with the next event. */
  readonly after: string | null
}

/** Follows events until `signal` is aborted. Returns the exit status. Throws `ApiError` if the server refuses it. */
export async function listen(
  api: ApiClient,
  flags: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<number> {
  const listening = listeningOf(flags)
  const { to, secret } = listening
  let lastId = listening.after
  let failures = 0
  let wasOpen = false
  while (!signal.aborted) {
    try {
      for await (const { id, data } of connect(api, listening, lastId, signal)) {
        if (!wasOpen) console.log(`Events go to ${to}.\nTheir signing secret is ${secret}`)
        else if (failures > 0) console.error('Connected again.')
        ;[wasOpen, failures] = [true, 0]
        if (data !== '') await forward(listening, data)
        // Only now: an event whose delivery was cut off is sent again.
        lastId = id
      }
      if (!signal.aborted) console.error('The server ended the stream.')
    } catch (error) {
      if (signal.aborted) break
      // Another attempt would be refused as well.
      const status = error instanceof ApiError ? error.status : null
      if (!wasOpen || (status !== null && status < 500 && status !== 429)) throw error
      if (failures === 0) console.error(`The connection was lost (${causeOf(error as Error)}).`)
    }
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** failures++, LONGEST_WAIT_MS)
    await delay(waitMs, undefined, { signal }).catch(() => {})
  }
  return 0
}

/** The messages of a new connection. Rejects also if nothing comes for too long. */
async function* connect(
  api: ApiClient,
  { types }: Listening,
  lastId: string | null,
  signal: AbortSignal,
): AsyncGenerator<Message, void> {
  const silence = new AbortController()
  const stop = () => silence.abort(new Error('the server was silent'))
  let timer = setTimeout(stop, SILENCE_MS)
  try {
    const path = `/api/v1/events/stream${types === null ? '' : `?type=${encodeURIComponent(types)}`}`
    const headers: Record<string, string> = lastId === null ? {} : { 'last-event-id': lastId }
    const body = await api.stream(path, headers, AbortSignal.any([signal, silence.signal]))
    for await (const message of messagesOf(body)) {
      // The time that the receiver takes does not count.
      clearTimeout(timer)
      yield message
      timer = setTimeout(stop, SILENCE_MS)
    }
  } finally {
    clearTimeout(timer)
  }
}

/** Posts an event once, and prints what came back. */
async function forward({ to, key }: Listening, body: string): Promise<void> {
  const { id, type } = JSON.parse(body) as EventView
  const startedAt = Date.now()
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'MiniPay',
    'x-webhook-event': type,
    'x-webhook-delivery': deliveryIdOf('listen', id, (text) => hash('sha256', text, 'hex')),
    ...signatureHeaders(key, id, startedAt, body),
  }
  const outcome = await fetch(to, {
    ...{ method: 'POST', headers, body, redirect: 'manual' },
    signal: AbortSignal.timeout(RECEIVER_MS),
  }).then(
    async (response) => {
      await response.body?.cancel()
      return `${response.status}${response.ok ? '' : ' (a failure)'}`
    },
    (error: Error) => `failed: ${causeOf(error)}`,
  )
  const time = new Date(startedAt).toISOString().slice(11, 19)
  console.log(`${time}  ${type}  ${id}  ${outcome}  ${Date.now() - startedAt} ms`)
}

/** Throws a `ConfigError` about a wrong flag. */
function listeningOf(flags: Readonly<Record<string, string>>): Listening {
  const { 'forward-to': target = '', events = null, after = null } = flags
  const secret = flags['secret'] ?? `whsec_${randomBytes(32).toString('base64')}`
  const key = secretKey(secret)
  if (!key) throw new ConfigError('The value of --secret must be whsec_ and 24 to 64 bytes in base64.')
  if (after !== null && !/^\d{1,16}$/.test(after))
    throw new ConfigError('The value of --after must be the sequence of an event.')
  return { to: targetOf(target), secret, key, types: events, after }
}

/** A scheme may be left out: http. */
function targetOf(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (text !== '' && url && isHttp && url.username === '' && url.password === '') return url
  throw new ConfigError('Give the receiver, as in: minipay listen --forward-to http://localhost:3000/webhook')
}
