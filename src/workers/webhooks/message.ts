/** The messages of webhooks: the body of an event, and the headers that sign and describe it. */
import type { DeliveryAttempt } from '../../domain/delivery.ts'
import type { Mode } from '../../domain/scope.ts'
import { DEFAULT_ENDPOINT, type WebhookEndpoint, type WebhookFormat } from '../../domain/webhooks/endpoint.ts'
import type { StoredEvent } from '../../ports/store.ts'
import { secretContext, type Vault, VaultError } from '../../ports/vault.ts'
import { secretKey, signatureHeaders, stripeSignature } from '../../signing.ts'
import type { WebhookMessage } from './client.ts'

export type MessageOptions = {
  readonly vault: Vault
  /** The body of an event in a format. */
  readonly body: (format: WebhookFormat, event: StoredEvent, mode: Mode) => string
  /** The key that signs for `DEFAULT_ENDPOINT`, which has no stored secret; null: its messages are unsigned. */
  readonly defaultKey: Buffer | null
}

/**
 * The message of an event to an endpoint, as attempt `delivery` sends it at a time (ms since 1970): signed anew, with
 * the same body each time. Throws `VaultError` if the endpoint's secret or headers cannot be opened, and an error if the event
 * cannot be rendered.
 */
export type MessageOf = (
  endpoint: WebhookEndpoint,
  event: StoredEvent,
  delivery: string,
  at: number,
) => WebhookMessage

/** `text`: the bytes of the whole secret, which sign in Stripe's format. */
type Signer = { readonly key: Buffer; readonly text: Buffer; readonly until: number | null }

/** What the messages of an endpoint need of it, opened: data that another thread can have. */
export type Stamp = {
  readonly version: number
  readonly format: WebhookFormat
  readonly mode: Mode
  /** The endpoint's own. */
  readonly headers: Readonly<Record<string, string>>
  readonly signers: readonly Signer[]
}

/** Of what a message is made. */
export type MessageParts = {
  readonly stamp: Stamp
  readonly event: StoredEvent
  /** The id of the delivery. */
  readonly delivery: string
  /** When it is sent, in ms since 1970. */
  readonly at: number
}

/** A message that is made when it is read. A thread that sends it makes it of the parts. */
export class Draft implements WebhookMessage {
  readonly parts: MessageParts
  readonly #make: (parts: MessageParts) => WebhookMessage
  #made: WebhookMessage | undefined

  constructor(parts: MessageParts, make: (parts: MessageParts) => WebhookMessage) {
    this.parts = parts
    this.#make = make
  }

  /** The message. Throws if the event cannot be rendered. */
  made(): WebhookMessage {
    this.#made ??= this.#make(this.parts)
    return this.#made
  }

  get headers(): Record<string, string> {
    return this.made().headers
  }

  get body(): string | Buffer {
    return this.made().body
  }
}

/** Why there is no message. */
export function reasonOf(error: unknown): string {
  return `The body cannot be rendered: ${error instanceof Error ? error.message : String(error)}`
}

/** The end of an attempt whose message could not be made. */
export function unsent(error: unknown): DeliveryAttempt {
  return { kind: 'no_answer', error: reasonOf(error), unsent: true }
}

/** Messages that are made at once. */
export function createMessages(options: MessageOptions): MessageOf {
  const stampOf = createStamps(options)
  const make = createMaker(options.body)
  return (endpoint, event, delivery, at) => make({ stamp: stampOf(endpoint, at), event, delivery, at })
}

/** Messages that are made where they are sent; only an endpoint that cannot be opened fails at once. */
export function createDrafts(options: MessageOptions): MessageOf {
  const stampOf = createStamps(options)
  const make = createMaker(options.body)
  return (endpoint, event, delivery, at) =>
    new Draft({ stamp: stampOf(endpoint, at), event, delivery, at }, make)
}

/** Endpoints whose stamps are kept, each some 500 bytes. */
const KEPT = 1_000

/** Opens the secrets of an endpoint once for each of its versions. */
function createStamps({ vault, defaultKey }: Pick<MessageOptions, 'vault' | 'defaultKey'>) {
  const kept = new Map<string, Stamp>()

  return function stampOf(endpoint: WebhookEndpoint, at: number): Stamp {
    const context = secretContext(endpoint.scope, endpoint.id)
    const known = kept.get(context)
    if (known?.version === endpoint.version) return known
    const headers = Object.entries(endpoint.headers).map(([name, value]) => [
      name.toLowerCase(),
      vault.open(value, context),
    ])
    const stamp: Stamp = {
      version: endpoint.version,
      format: endpoint.format,
      mode: endpoint.scope.mode,
      headers: Object.fromEntries(headers),
      signers:
        endpoint.id === DEFAULT_ENDPOINT ? configured(defaultKey) : opened(vault, endpoint, context, at),
    }
    kept.delete(context)
    kept.set(context, stamp)
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break
      kept.delete(oldest)
    }
    return stamp
  }
}

/** Makes messages. Those of one event in one format share their body. */
export function createMaker(body: MessageOptions['body']): (parts: MessageParts) => WebhookMessage {
  /** Endpoints of one format that are equally far share an event, and so its body. */
  const rendered = new WeakMap<StoredEvent, { readonly format: WebhookFormat; readonly text: string }>()

  /** The mode is that of the event. */
  function bodyOf(format: WebhookFormat, event: StoredEvent, mode: Mode): string {
    const known = rendered.get(event)
    if (known?.format === format) return known.text
    const text = body(format, event, mode)
    rendered.set(event, { format, text })
    return text
  }

  return function make({ stamp, event, delivery, at }) {
    const { headers: own, signers, format, mode } = stamp
    const text = bodyOf(format, event, mode)
    const headers: Record<string, string> = {
      ...own,
      'content-type': 'application/json',
      'user-agent': 'MiniPay',
      'x-webhook-event': event.type,
      'x-webhook-delivery': delivery,
    }
    const valid = signers.filter(isValidAt(at))
    if (valid.length > 0) sign(headers, format, valid, event.id, at, text)
    return { headers, body: text }
  }
}

function sign(
  headers: Record<string, string>,
  format: WebhookFormat,
  signers: readonly Signer[],
  id: string,
  at: number,
  body: string,
): void {
  const keys = signers.map(({ key }) => key)
  Object.assign(headers, signatureHeaders(keys, id, at, body))
  if (format !== 'stripe') return
  const texts = signers.map(({ text }) => text)
  headers['stripe-signature'] = stripeSignature(texts, at, body)
}

const NO_TEXT = Buffer.alloc(0)

/** The configuration has the key alone; the endpoint is not of Stripe's format. */
const configured = (key: Buffer | null): Signer[] => (key ? [{ key, text: NO_TEXT, until: null }] : [])

/**
 * The secrets that sign at a time. A former one that does not open is left out: its key is lost, and the endpoint has a
 * new secret because of that.
 */
function opened(vault: Vault, { secrets }: WebhookEndpoint, context: string, at: number): Signer[] {
  return secrets.filter(isValidAt(at)).flatMap(({ sealed, until }) => {
    try {
      const text = vault.open(sealed, context)
      const key = secretKey(text)
      if (!key) throw new VaultError('A stored secret is not whsec_ and 24 to 64 bytes in base64.')
      return [{ key, text: Buffer.from(text), until }]
    } catch (error) {
      if (until === null) throw error
      return []
    }
  })
}

const isValidAt =
  (at: number) =>
  ({ until }: { readonly until: number | null }) =>
    until === null || at < until
