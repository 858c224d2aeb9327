/** Seals the secrets of webhook endpoints under another key of the vault. */
import type { AuditEntry } from '../../domain/audit.ts'
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts'
import type { Page, Store } from '../../ports/store.ts'
import { secretContext, type Vault, VaultError } from '../../ports/vault.ts'
import type { AuditedAction } from '../audit.ts'
import { endpointAudited } from './audited.ts'

const PAGE = 100
/** An endpoint that others change each time before it is stored is left for the next pass. */
const PASSES = 5

export type Resealing = {
  readonly store: Pick<Store, 'sealedWebhookEndpoints' | 'changeWebhookEndpoint'>
  readonly vault: Vault
  /** ms since 1970. */
  readonly now: () => number
  /** The entry of a change of an endpoint, in its scope. */
  readonly audit: (endpoint: WebhookEndpoint, done: AuditedAction) => AuditEntry
}

export type Resealed = {
  /** The endpoints whose secrets were sealed anew. */
  readonly resealed: number
  /** The endpoints with secrets. */
  readonly endpoints: number
  /** The ids of endpoints with a secret that does not open, each with the reason; nothing of them was changed. */
  readonly closed: ReadonlyMap<string, string>
  /** The ids of endpoints that others kept changing. Running it again seals them. */
  readonly missed: readonly string[]
}

/**
 * Seals every secret and header of every endpoint under the first key of the vault, each endpoint by its version in a
 * commit of its own, so nodes may serve meanwhile, and after a crash another run continues. Secrets that no longer sign
 * are dropped. Passes over the endpoints until one finds nothing to do: a node may seal under the former key until it is
 * restarted. Rejects with `StoreUnavailable`.
 */
export async function resealSecrets(work: Resealing): Promise<Resealed> {
  const resealed = new Set<string>()
  for (let pass = 1; ; pass++) {
    const closed = new Map<string, string>()
    const missed: string[] = []
    let changed = 0
    let endpoints = 0
    for await (const endpoint of everySealed(work.store)) {
      endpoints++
      const outcome = await reseal(work, endpoint)
      if (outcome === 'changed') {
        changed++
        resealed.add(`${endpoint.scope.accountId} ${endpoint.scope.mode} ${endpoint.id}`)
      } else if (outcome === 'missed') missed.push(endpoint.id)
      else if (outcome !== 'current') closed.set(endpoint.id, outcome.reason)
    }
    const isDone = changed === 0 && missed.length === 0
    if (isDone || pass === PASSES) return { resealed: resealed.size, endpoints, closed, missed }
  }
}

async function* everySealed(store: Resealing['store']): AsyncGenerator<WebhookEndpoint> {
  let after: WebhookEndpoint | null = null
  for (;;) {
    const page: Page<WebhookEndpoint> = await store.sealedWebhookEndpoints({ after, limit: PAGE })
    yield* page.data
    after = page.data.at(-1) ?? null
    if (!page.hasMore) return
  }
}

type Outcome = 'current' | 'changed' | 'missed' | { readonly reason: string }

async function reseal({ store, vault, now, audit }: Resealing, before: WebhookEndpoint): Promise<Outcome> {
  const context = secretContext(before.scope, before.id)
  const again = (sealed: string) =>
    vault.isCurrent(sealed) ? sealed : vault.seal(vault.open(sealed, context), context)
  const at = now()
  const signing = before.secrets.filter(({ until }) => until === null || at < until)
  const texts = [...before.secrets.map(({ sealed }) => sealed), ...Object.values(before.headers)]
  if (texts.every(vault.isCurrent)) return 'current'
  try {
    const after: WebhookEndpoint = {
      ...before,
      secrets: signing.map(({ sealed, until }) => ({ sealed: again(sealed), until })),
      headers: Object.fromEntries(Object.entries(before.headers).map(([name, text]) => [name, again(text)])),
      version: before.version + 1,
    }
    const entry = audit(before, endpointAudited('webhook_endpoint.secret_rekeyed', before, after))
    return (await store.changeWebhookEndpoint(before, after, entry)) ? 'changed' : 'missed'
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    return { reason: error.message }
  }
}
