/** MiniPay without a surface: the store, the providers, the context of the use cases, and the workers. */
import { carries, webhookBody } from './api/webhooks/body.ts'
import { testBody } from './api/webhooks/test-body.ts'
import { openClock, type ServingClock } from './app/clock.ts'
import { type Context, createContext, sha256 } from './app/context.ts'
import { createHealth, type Health } from './app/routing/health.ts'
import {
  createProviderCheck,
  type ProviderCheck,
  standInRefused,
  warnOf,
} from './app/routing/provider-check.ts'
import { createRouter } from './app/routing/router.ts'
import { serves } from './app/routing/serving.ts'
import { ensureConfiguredEndpoint } from './app/webhooks/configured-endpoint.ts'
import type { WebhookTools } from './app/webhooks/tools.ts'
import type { Config, SettingKey } from './config.ts'
import { isPostgres } from './database-name.ts'
import { type Mode, OPERATOR_ACCOUNT } from './domain/scope.ts'
import { DEFAULT_ENDPOINT, wants } from './domain/webhooks/endpoint.ts'
import { checkTarget } from './net/check-target.ts'
import type { TargetPolicy } from './net/target-policy.ts'
import type { Log } from './ports/log.ts'
import type { Provider } from './ports/provider.ts'
import type { Runtime } from './ports/runtime.ts'
import { KEYLESS_SCOPE, type Scope, type Store } from './ports/store.ts'
import type { Vault } from './ports/vault.ts'
import { type Configured, DEMO_PROVIDERS, loadProviders, type ProvidersSource } from './providers/config.ts'
import { ProviderConfigError } from './providers/fields.ts'
import { nodeRuntime } from './runtime/node.ts'
import { FORMAT } from './sender/messages.ts'
import { createSender } from './sender/sender.ts'
import { engineOf } from './storage/engine.ts'
import { keyFileOf } from './vault/key-file.ts'
import { openVault, warnOfClosedSecrets } from './vault/open-vault.ts'
import { createWebhookClients, type WebhookClients } from './workers/webhooks/client.ts'
import type { CourierParts } from './workers/webhooks/courier-parts.ts'
import type { DispatcherOptions } from './workers/webhooks/dispatcher.ts'
import { createDrafts, createMessages } from './workers/webhooks/message.ts'
import { createSecretCheck } from './workers/webhooks/secret-check.ts'
import { createTestSender } from './workers/webhooks/send-test.ts'
import { createOverall, type Overall } from './workers/webhooks/slots.ts'
import { createWorkers, type Workers } from './workers/workers.ts'

/**
 * The scope whose events go to `webhookTarget`: the operator's account, in live mode if a provider serves it. A receiver
 * cannot tell a test event from a live one, and might ship goods for it.
 */
function targetScope(providers: readonly Provider[], mode: Mode | undefined): Scope {
  const isLive = providers.some((provider) => provider.mode === 'live')
  return { accountId: OPERATOR_ACCOUNT, mode: mode ?? (isLive ? 'live' : 'test') }
}

const HOUR_MS = 3_600_000

/** The settings that are the core's, not of a surface or of the process. */
export const CORE_SETTINGS = [
  'database',
  'withoutFsync',
  'providers',
  'webhookTarget',
  'webhookSecret',
  'secretsKey',
  'allowedTargets',
  'localTargets',
  'webhookPorts',
  'webhookConcurrency',
  'webhookTargetConcurrency',
  'idempotencyRetentionHours',
  'eventRetentionDays',
  'deliveryRetentionDays',
  'idempotencyWaitMs',
  'providerWaitMs',
  'actionAgeHours',
  'shutdownTimeoutMs',
] as const satisfies readonly SettingKey[]

export type CoreConfig = Omit<Pick<Config, (typeof CORE_SETTINGS)[number]>, 'providers'> & {
  readonly providers: ProvidersSource
}

/** The parts of a core that a test may replace or wrap. */
export type Parts = {
  readonly store: (store: Store) => Store
  readonly provider: (provider: Provider) => Provider
  readonly health: (health: Health) => Health
}
const AS_THEY_ARE: Parts = {
  store: (store) => store,
  provider: (provider) => provider,
  health: (health) => health,
}

/** What surrounds a core. */
export type Surroundings = {
  readonly log: Log
  /** Called once the database can no longer be used: it is damaged, or its files were removed or replaced. */
  readonly onFatal: (error: Error) => void
  /**
   * Whether requests come from this machine only, as with a server on loopback without proxies; unless given, they may not:
   * a program around the library may listen anywhere.
   */
  readonly isLocal?: boolean
  /** Values of `${NAME}` in a file of providers. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** The mode whose events go to `webhookTarget`; unless given, live if a provider serves it. */
  readonly webhookMode?: Mode
  /** Whether the process will start the workers, which send webhooks to `webhookTarget`; true unless given. */
  readonly delivers?: boolean
  readonly runtime?: Runtime
  readonly parts?: Partial<Parts>
  /** Ends the wait for a PostgreSQL server that cannot be reached: the opening rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** Called with what happens, to measure it. */
  readonly watch?: Watch
}

export type Watch = Partial<Pick<Context, 'onCall' | 'onAlarm'>> & {
  /** Called with the number of operations of each committed group. */
  readonly onGroup?: (size: number) => void
  /** Called after each attempt to deliver a webhook. */
  readonly onWebhook?: NonNullable<CourierParts['onAttempt']>
}

export type Core = {
  readonly context: Context
  readonly providerCheck: ProviderCheck
  readonly clock: ServingClock
  /** None runs before `workers.start()`. */
  readonly workers: Workers
  /** What the workers send webhooks with. */
  readonly delivering: DispatcherOptions
  /** Webhooks in flight over all endpoints. */
  readonly webhooks: Pick<Overall, 'inFlight' | 'limit'>
}

/**
 * Opens the database, brings it to this version's schema and puts the core together. Throws a sentence when the database
 * is in use, newer or damaged, or when the providers cannot be used.
 */
export async function openCore(config: CoreConfig, surroundings: Surroundings): Promise<Core> {
  const { log, onFatal, env, signal, watch = {}, runtime = nodeRuntime } = surroundings
  const parts = { ...AS_THEY_ARE, ...surroundings.parts }
  const outside = { now: () => store.now(), egress: config.allowedTargets }
  const configured = await loadProviders(config.providers, env, outside)
  const { database, withoutFsync } = config
  const onGroup = watch.onGroup ?? (() => {})
  const engine = await engineOf(database)
  const opening = { withoutFsync, onGroup, onFatal, log, signal, now: runtime.now }
  const store = parts.store(await engine.open(opening))
  try {
    const clock = await openClock({ store, log, passed: runtime.monotonic })
    const demo = config.providers === '' && (await isDemo(store))
    const banks = demo ? await loadProviders(DEMO_PROVIDERS, env, outside) : []
    const providers = (await withAccounts([...configured, ...banks], store)).map(parts.provider)
    const health = parts.health(healthOf(log, runtime))
    const vault = await vaultOf(config, store, log)
    const made = { store, vault, providers, health, log, runtime, clock }
    const target = targetScope(providers, surroundings.webhookMode)
    const policy = targetPolicyOf(config, surroundings.isLocal ?? false)
    const clients = createWebhookClients({
      ...{ operator: config.allowedTargets, policy, runtime },
      connections: config.webhookTargetConcurrency,
    })
    if (surroundings.delivers ?? true) await ensureConfiguredEndpoint(store, target, config.webhookTarget)
    const sender = senderOf(config, policy, made, clients)
    const context: Context = contextOf(config, { ...made, policy, clients }, watch, {
      wake: () => workers.wakeWebhooks(),
      probe: (endpoint) => workers.probeWebhooks(endpoint),
    })
    store.onRemoteEvents((scope) => (scope ? context.bell.ring(scope) : context.bell.ringAll()))
    const webhooks = createOverall(config.webhookConcurrency)
    const delivering = webhooksOf(config, context, webhooks, watch, sender)
    const workers = createWorkers(context, {
      clock,
      keyRetentionMs: config.idempotencyRetentionHours * HOUR_MS,
      retention: { eventDays: config.eventRetentionDays, deliveryDays: config.deliveryRetentionDays },
      webhooks: delivering,
    })
    const { router } = context
    const providerCheck = createProviderCheck({ store, router, providers, now: runtime.monotonic })
    await checkProviders(config, providerCheck, providers, log)
    return { context, clock, providerCheck, workers, delivering, webhooks }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Whether `minipay demo` filled the database: its charges need the banks that they were made with. */
async function isDemo(store: Store): Promise<boolean> {
  return (await store.auditEntries(KEYLESS_SCOPE, { limit: 1, action: 'demo.filled' })).data.length > 0
}

/** The providers with the numbers of their accounts. Throws a sentence that names an account which does not exist. */
async function withAccounts(configured: readonly Configured[], store: Store): Promise<Provider[]> {
  const numberOf = async (name: string, id: string) => {
    const account = await store.account(id)
    if (account) return account.id
    throw new ProviderConfigError(
      `The provider ${name} is to serve the account ${id}, which does not exist. List the accounts with: minipay accounts list`,
    )
  }
  const providers: Provider[] = []
  for (const { provider, accounts } of configured) {
    if (accounts === null) providers.push(provider)
    else {
      const numbers = new Set<number>()
      for (const id of accounts) numbers.add(await numberOf(provider.name, id))
      providers.push({ ...provider, accounts: numbers })
    }
  }
  return providers
}

/**
 * Warns of what the database needs and the configuration lacks. Throws a sentence when the sandbox would take the place
 * of real providers only because the setting is missing.
 */
async function checkProviders(
  { providers }: CoreConfig,
  check: ProviderCheck,
  opened: readonly Provider[],
  log: Log,
): Promise<void> {
  const isBank = (name: string) => opened.some((provider) => provider.name === name && provider.remote)
  const used = providers === '' ? (await check.used()).filter((name) => !isBank(name)) : []
  const refused = standInRefused(used)
  if (refused !== undefined) throw new ProviderConfigError(refused)
  for (const report of await check.reports()) warnOf(report, log)
}

function healthOf(log: Log, { monotonic }: Runtime): Health {
  return createHealth(monotonic, (provider, state, call) =>
    log.warn(
      { provider, calls: call === 'money' ? 'calls that move money' : 'lookups' },
      state === 'open' ? 'Provider circuit breaker opened.' : 'Provider circuit breaker closed.',
    ),
  )
}

type Made = {
  readonly store: Store
  readonly vault: Vault
  readonly providers: readonly Provider[]
  readonly health: Health
  readonly log: Log
  readonly runtime: Runtime
  readonly clock: ServingClock
  readonly policy: TargetPolicy
  readonly clients: WebhookClients
}

/** The vault with the configured keys and, beside a SQLite file, those of its key file. */
async function vaultOf({ database, secretsKey }: CoreConfig, store: Store, log: Log): Promise<Vault> {
  const sealed = async () =>
    (await store.sealedWebhookEndpoints({ after: null, limit: CHECKED_SECRETS })).data
  const vault = await openVault({
    keys: secretsKey,
    keyFile: isPostgres(database)
      ? null
      : keyFileOf((await import('./storage/sqlite/place.ts')).placeOf(database)),
    hasSecrets: async () => (await sealed()).length > 0,
  })
  warnOfClosedSecrets(vault, await sealed(), log)
  return vault
}

/** The most endpoints whose secrets are opened at the start, to warn of a missing key before a webhook needs it. */
const CHECKED_SECRETS = 1_000

/** The rule for the targets of registered webhook endpoints. */
function targetPolicyOf(
  { allowedTargets, localTargets, webhookPorts }: CoreConfig,
  isLocal: boolean,
): TargetPolicy {
  const local = localTargets === 'always' || (localTargets === 'loopback' && isLocal)
  return { allowed: allowedTargets, local, ports: webhookPorts }
}

/** Sends with a thread of its own; with another time than the machine's it cannot. */
function senderOf(
  { allowedTargets, webhookTargetConcurrency: connections }: CoreConfig,
  { local, ports }: TargetPolicy,
  { log, runtime }: Pick<Made, 'log' | 'runtime'>,
  clients: WebhookClients,
): Pick<WebhookClients, 'of'> {
  if (runtime !== nodeRuntime) return clients
  const { allowed } = allowedTargets
  const data = { format: FORMAT, allowed, local, ports: ports && [...ports], connections }
  return createSender({ data, fallback: clients, log, runtime })
}

function contextOf(
  config: CoreConfig,
  { providers, policy, clients, ...made }: Made,
  { onCall = () => {}, onAlarm = () => {} }: Watch,
  dispatcher: Pick<WebhookTools, 'wake' | 'probe'>,
): Context {
  const { vault, clock, runtime } = made
  const context: Context = createContext({
    ...made,
    providers: new Map(providers.map((provider) => [provider.name, provider])),
    router: createRouter({
      ...made,
      providers: (scope) => providers.filter((provider) => serves(provider, scope)).map(({ name }) => name),
      loadConditions: async () => (await import('./rules/cel.ts')).compileCondition,
      now: made.clock.now,
    }),
    checkTarget: (url) => checkTarget(url, policy),
    webhooks: {
      ...dispatcher,
      sendTest: createTestSender({
        messageOf: createMessages({ vault, body: testBody, defaultKey: config.webhookSecret ?? null }),
        clientOf: clientsOf(config, clients),
        newId: (prefix) => context.newId(prefix),
        now: clock.now,
        monotonic: runtime.monotonic,
        log: made.log,
      }),
    },
    onCall,
    onAlarm,
    idempotencyWaitMs: config.idempotencyWaitMs,
    providerWaitMs: config.providerWaitMs,
    actionAgeMs: config.actionAgeHours * HOUR_MS,
  })
  return context
}

/** The endpoint of the setting is sent to the URL of the setting: the stored one may be that of another node. */
function clientsOf(
  { webhookTarget }: CoreConfig,
  clients: Pick<WebhookClients, 'of'>,
): CourierParts['client'] {
  return ({ id, url }) => {
    const isConfigured = id === DEFAULT_ENDPOINT && webhookTarget
    return clients.of({ id, url: isConfigured ? webhookTarget.href : url })
  }
}

function webhooksOf(
  config: CoreConfig,
  { store, vault, newId, bell, log, runtime, now }: Context,
  overall: Overall,
  { onWebhook }: Watch,
  clients: Pick<WebhookClients, 'of'>,
): DispatcherOptions {
  return {
    ...{ store, newId, bell, log, runtime, now, sha256, overall },
    client: clientsOf(config, clients),
    message: createDrafts({ vault, body: webhookBody, defaultKey: config.webhookSecret ?? null }),
    opens: createSecretCheck(vault, log),
    wants: (endpoint, type) => wants(endpoint, type) && carries(endpoint.format, type),
    concurrency: config.webhookTargetConcurrency,
    onAttempt: onWebhook,
  }
}
