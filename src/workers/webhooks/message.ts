/** The messages of webhooks: the body of an event, and the headers that sign and describe it. */
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
/** An endpoint's own headers and opened secrets. */
type Prepared = {
  readonly version: number
  readonly headers: Readonly<Record<string, string>>
  readonly signers: readonly Signer[]
}

/** Prepared endpoints that are kept, each some 500 bytes. */
const KEPT = 1_000

/** Opens the secrets of an endpoint once for each of its versions. */
export function createMessages({ vault, body, defaultKey }: MessageOptions): MessageOf {
  const kept = new Map<string, Prepared>()

  function preparedOf(endpoint: WebhookEndpoint, at: number): Prepared {
    const context = secretContext(endpoint.scope, endpoint.id)
    const known = kept.get(context)
    if (known?.version === endpoint.version) return known
    const headers = Object.entries(endpoint.headers).map(([name, value]) => [
      name.toLowerCase(),
      vault.open(value, context),
    ])
    const prepared = {
      version: endpoint.version,
      headers: Object.fromEntries(headers),
      signers:
        endpoint.id === DEFAULT_ENDPOINT ? configured(defaultKey) : opened(vault, endpoint, context, at),
    }
    kept.delete(context)
    kept.set(context, prepared)
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break
      kept.delete(oldest)
    }
    return prepared
  }

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

  return function messageOf(endpoint, event, delivery, at) {
    const { headers: own, signers } = preparedOf(endpoint, at)
    const text = bodyOf(endpoint.format, event, endpoint.scope.mode)
    const headers: Record<string, string> = {
      ...own,
      'content-type': 'application/json',
      'user-agent': 'MiniPay',
      'x-webhook-event': event.type,
      'x-webhook-delivery': delivery,
    }
    const valid = signers.filter(isValidAt(at))
    if (valid.length > 0) sign(headers, endpoint.format, valid, event.id, at, text)
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
