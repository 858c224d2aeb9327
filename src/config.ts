import { parseArgs } from 'node:util'
import { databaseProblem, fileProblem, urlProblem } from './database-name.ts'
import { flagFault, nearFlag } from './flags.ts'
import { isLinkVariable } from './link-variables.ts'
import { createEgress, type Egress } from './net/egress.ts'
import { httpUrl } from './net/http-url.ts'
import { secretKey } from './signing.ts'
import { type Misspelt, misspeltVariablesOf, nearVariable } from './variables.ts'

/** A setting that cannot be used; the message is a sentence for the person who starts the program. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

type Setting<T> = {
  /** `--flag`; with `_` in place of `-` it is the key. */
  readonly flag: string
  readonly env: string
  /** The variable's former name, which is still read. */
  readonly formerly?: string
  readonly default: string
  readonly doc: string
  /** Throws a `ConfigError` without the name of the setting; the caller adds it. */
  readonly parse: (text: string) => T
}

function integer(min: number, max: number) {
  return (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= min && value <= max))
      throw new ConfigError(`must be a whole number from ${min} to ${max}, not "${text}"`)
    return value
  }
}

function nonEmpty(text: string): string {
  if (text === '') throw new ConfigError('must not be empty')
  return text
}

/** A text that stays as it is, unless there is something wrong with it. */
function unless(problem: (text: string) => string | undefined) {
  return (text: string): string => {
    const wrong = problem(text)
    if (wrong !== undefined) throw new ConfigError(wrong)
    return text
  }
}

function oneOf<const T extends string>(...allowed: T[]) {
  return (text: string): T => {
    const found = allowed.find((value) => value === text)
    if (found === undefined) throw new ConfigError(`must be one of ${allowed.join(', ')}, not "${text}"`)
    return found
  }
}

function target(text: string): URL | null {
  if (text === '') return null
  const url = httpUrl(text)
  if (url === null)
    throw new ConfigError(
      'must be an http or https URL, such as https://shop.example/webhooks, or empty for no webhooks',
    )
  if (url.username || url.password) throw new ConfigError('must not hold a user name or password')
  return url
}

/** Where MiniPay may connect to, with an operator's exceptions. */
function egress(text: string): Egress {
  try {
    return createEgress(text.split(',').filter((part) => part.trim() !== ''))
  } catch (error) {
    throw new ConfigError(`must be addresses and networks, separated by commas: ${(error as Error).message}`)
  }
}

/** The key of a Standard Webhooks secret. */
function secret(text: string): Buffer | null {
  if (text === '') return null
  const key = secretKey(text)
  if (key === undefined)
    throw new ConfigError(
      'must be whsec_ and 24 to 64 bytes in base64; make one with: echo "whsec_$(openssl rand -base64 32)"',
    )
  return key
}

/** The same with its text. */
function secretWithText(text: string): { readonly text: string; readonly key: Buffer } | null {
  const key = secret(text)
  return key && { text, key }
}

function server(text: string): URL {
  const url = httpUrl(text)
  if (url === null) throw new ConfigError('must be an http or https URL, such as http://127.0.0.1:8080')
  return url
}

/** Every setting: its flag, environment variable, default and what it is for. The docs are made from this. */
export const SETTINGS = {
  port: {
    flag: 'port',
    env: 'PORT',
    default: '8080',
    doc: 'TCP port to listen on; 0 takes a free one.',
    parse: integer(0, 65_535),
  },
  host: {
    flag: 'host',
    env: 'MINIPAY_HOST',
    default: '127.0.0.1',
    doc: 'Address to listen on. MiniPay has no authentication yet: on another address than loopback, anyone who can reach it can charge.',
    parse: nonEmpty,
  },
  database: {
    flag: 'database',
    env: 'MINIPAY_DATABASE',
    default: 'minipay.db',
    doc: 'SQLite file or postgres:// URL. The commands serve and migrate create a missing file.',
    parse: unless(databaseProblem),
  },
  withoutFsync: {
    flag: 'without-fsync',
    env: 'MINIPAY_WITHOUT_FSYNC',
    default: 'local',
    doc: 'Whether a PostgreSQL server may run without fsync or full_page_writes: refuse, allow, or local (on this machine only).',
    parse: oneOf('refuse', 'allow', 'local'),
  },
  providers: {
    flag: 'providers',
    env: 'MINIPAY_PROVIDERS',
    default: '',
    doc: 'JSON file with the payment providers. Empty, or the word sandbox: only the in-process sandbox.',
    parse: (text: string) => text,
  },
  webhookTarget: {
    flag: 'webhook-target',
    env: 'WEBHOOK_TARGET',
    default: 'http://localhost:8081/webhook',
    doc: 'URL that MiniPay posts every event to; empty turns webhooks off.',
    parse: target,
  },
  webhookSecret: {
    flag: 'webhook-secret',
    env: 'MINIPAY_WEBHOOK_SECRET',
    default: '',
    doc: 'Secret that signs every webhook (Standard Webhooks): whsec_ and 24 to 64 bytes in base64. Empty: unsigned.',
    parse: secret,
  },
  allowedTargets: {
    flag: 'allowed-targets',
    env: 'MINIPAY_ALLOWED_TARGETS',
    default: '',
    doc: 'Special-purpose addresses and networks that MiniPay may still connect to for webhooks and providers, such as 100.64.0.0/10.',
    parse: egress,
  },
  webhookConcurrency: {
    flag: 'webhook-concurrency',
    env: 'MINIPAY_WEBHOOK_CONCURRENCY',
    default: '128',
    doc: 'Webhook deliveries in flight at once, to all targets together.',
    parse: integer(1, 10_000),
  },
  webhookTargetConcurrency: {
    flag: 'webhook-target-concurrency',
    env: 'MINIPAY_WEBHOOK_TARGET_CONCURRENCY',
    default: '64',
    doc: 'Webhook deliveries in flight at once to one target.',
    parse: integer(1, 10_000),
  },
  idempotencyRetentionHours: {
    flag: 'idempotency-retention-hours',
    env: 'MINIPAY_IDEMPOTENCY_RETENTION_HOURS',
    default: '720',
    doc: 'Hours that MiniPay keeps an idempotency key, counted while it runs.',
    parse: integer(1, 87_600),
  },
  idempotencyWaitMs: {
    flag: 'idempotency-wait-ms',
    env: 'MINIPAY_IDEMPOTENCY_WAIT_MS',
    default: '2000',
    doc: 'Milliseconds that a request waits for a running request with the same key before MiniPay returns its state so far, or 409.',
    parse: integer(0, 60_000),
  },
  providerWaitMs: {
    flag: 'provider-wait-ms',
    env: 'MINIPAY_PROVIDER_WAIT_MS',
    default: '10000',
    doc: 'Milliseconds that a request waits for its provider before MiniPay returns 202 with the charge processing.',
    parse: integer(0, 120_000),
  },
  unknownAgeMinutes: {
    flag: 'unknown-age-minutes',
    env: 'MINIPAY_UNKNOWN_AGE_MINUTES',
    default: '60',
    doc: 'Minutes until an attempt with an unknown outcome counts as overdue.',
    parse: integer(1, 100_000),
  },
  keepAliveMs: {
    flag: 'keep-alive-ms',
    env: 'MINIPAY_KEEP_ALIVE_MS',
    default: '65000',
    doc: 'Milliseconds that MiniPay keeps an idle connection open. Set it longer than the idle time-out of the load balancer.',
    parse: integer(1_000, 3_600_000),
  },
  maxConnections: {
    flag: 'max-connections',
    env: 'MINIPAY_MAX_CONNECTIONS',
    default: '2048',
    doc: 'Client connections at once. MiniPay closes further connections immediately.',
    parse: integer(1, 100_000),
  },
  actionAgeHours: {
    flag: 'action-age-hours',
    env: 'MINIPAY_ACTION_AGE_HOURS',
    default: '24',
    doc: 'Hours that MiniPay waits for a customer to act, for example to confirm a payment. Then it cancels the payment.',
    parse: integer(1, 8_760),
  },
  shutdownTimeoutMs: {
    flag: 'shutdown-timeout-ms',
    env: 'MINIPAY_SHUTDOWN_TIMEOUT_MS',
    default: '8000',
    doc: 'Milliseconds that a stop waits for requests and deliveries in flight.',
    parse: integer(0, 600_000),
  },
  logLevel: {
    flag: 'log-level',
    env: 'MINIPAY_LOG_LEVEL',
    default: 'info',
    doc: 'Least severe level that is logged: debug, info, warn, error or silent.',
    parse: oneOf('debug', 'info', 'warn', 'error', 'silent'),
  },
  server: {
    flag: 'server',
    env: 'MINIPAY_SERVER',
    default: 'http://127.0.0.1:8080',
    doc: 'URL of the running server that the command calls.',
    parse: server,
  },
  simulatorSecret: {
    flag: 'secret',
    env: 'MINIPAY_SIMULATOR_SECRET',
    formerly: 'MINIPAY_BANK_SECRET',
    default: '',
    doc: 'Secret with which the simulator and MiniPay sign: whsec_ and 24 to 64 bytes in base64.',
    parse: secretWithText,
  },
  simulatorNotify: {
    flag: 'notify',
    env: 'MINIPAY_SIMULATOR_NOTIFY',
    formerly: 'MINIPAY_BANK_NOTIFY',
    default: '',
    doc: 'URL that the simulator sends notifications to; empty for none.',
    parse: target,
  },
  copyFrom: {
    flag: 'from',
    env: 'MINIPAY_COPY_FROM',
    default: 'minipay.db',
    doc: 'SQLite file to copy.',
    parse: unless(fileProblem),
  },
  copyTo: {
    flag: 'to',
    env: 'MINIPAY_COPY_TO',
    default: '',
    doc: 'postgres:// URL of the empty database to copy into.',
    parse: unless((text) => (text === '' ? undefined : urlProblem(text))),
  },
} as const satisfies Record<string, Setting<unknown>>

type Settings = typeof SETTINGS
export type SettingKey = keyof Settings
export type Config = { readonly [K in SettingKey]: ReturnType<Settings[K]['parse']> }

/**
 * Reads settings from flags, then the environment, then the defaults. `keys` are those that the command
 * takes; any other flag, and any MINIPAY_ variable that is none of ours, is refused. Throws `ConfigError`.
 */
export function readConfig<K extends SettingKey>(
  keys: readonly K[],
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Pick<Config, K> {
  const flags = readFlags(keys, args)
  refuseUnknownVariables(env)
  const variableOf = (key: SettingKey) => {
    const { env: variable, formerly }: Setting<unknown> = SETTINGS[key]
    return formerly !== undefined && env[variable] === undefined ? formerly : variable
  }
  const flagOf = (key: SettingKey) => flags[SETTINGS[key].flag]
  return parseSettings(
    keys,
    (key) => flagOf(key) ?? env[variableOf(key)],
    (key) => (flagOf(key) === undefined ? variableOf(key) : `--${SETTINGS[key].flag}`),
    '--allowed-targets',
  )
}

/**
 * Parses settings from texts, or their defaults. Throws a `ConfigError` in which `nameOf` names the setting and
 * `exceptions` the one that permits special-purpose addresses.
 */
export function parseSettings<K extends SettingKey>(
  keys: readonly K[],
  textOf: (key: K) => string | undefined,
  nameOf: (key: K) => string,
  exceptions: string,
): Pick<Config, K> {
  const config: Partial<Record<SettingKey, unknown>> = {}
  for (const key of keys) {
    const setting: Setting<unknown> = SETTINGS[key]
    try {
      config[key] = setting.parse(textOf(key) ?? setting.default)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      throw new ConfigError(`${nameOf(key)} ${error.message}.`)
    }
  }
  refuseForbiddenTargets(config as Partial<Config>, (key) => nameOf(key as K), exceptions)
  return config as Pick<Config, K>
}

const TARGETS = ['webhookTarget', 'simulatorNotify'] as const

function refuseForbiddenTargets(
  config: Partial<Config>,
  nameOf: (key: SettingKey) => string,
  exceptions: string,
): void {
  const { forbids } = config.allowedTargets ?? createEgress()
  for (const key of TARGETS) {
    const host = config[key]?.hostname
    if (host !== undefined && forbids(host))
      throw new ConfigError(
        `${nameOf(key)} must not be the special-purpose address ${host}; see ${exceptions}.`,
      )
  }
}

function readFlags(keys: readonly SettingKey[], args: readonly string[]): Record<string, string | undefined> {
  const options = Object.fromEntries(keys.map((key) => [SETTINGS[key].flag, { type: 'string' as const }]))
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new ConfigError(`${flagFault(error)}.${nearFlag(error, Object.keys(options))} See --help.`)
  }
}

const KNOWN = new Set<string>(
  Object.values<Setting<unknown>>(SETTINGS).flatMap(({ env, formerly }) =>
    formerly ? [env, formerly] : [env],
  ),
)

/**
 * Throws `ConfigError` for a flag that npm took for one of its own, as in `npm start --port=9000`: it comes as a variable
 * of npm's, and the command would use another port or database than was meant
 * (https://docs.npmjs.com/cli/v11/using-npm/config#environment-variables).
 */
export function refuseFlagsOfNpm(env: NodeJS.ProcessEnv): void {
  for (const { flag } of Object.values(SETTINGS))
    if (env[`npm_config_${flag.replaceAll('-', '_')}`] !== undefined)
      throw new ConfigError(
        `npm took --${flag} for itself. Put -- before the flags, as in: npm start -- --port 9000.`,
      )
}

/** Variables that begin with `MINIPAY_`, are no settings, and come from Kubernetes or Docker by themselves. */
export function linkVariables(env: NodeJS.ProcessEnv): string[] {
  return strangers(env).filter((name) => isLinkVariable(name, env))
}

function strangers(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env).filter((name) => name.startsWith('MINIPAY_') && !KNOWN.has(name))
}

function refuseUnknownVariables(env: NodeJS.ProcessEnv): void {
  for (const name of strangers(env)) {
    if (isLinkVariable(name, env)) continue
    const meant = nearVariable(name, KNOWN)
    const hint = meant === undefined ? '' : ` Did you mean ${meant}?`
    throw new ConfigError(`${name} is not a setting of MiniPay.${hint} See minipay serve --help.`)
  }
}

/** Variables without the prefix that look like misspelt settings. */
export function misspeltVariables(env: NodeJS.ProcessEnv): Misspelt[] {
  return misspeltVariablesOf(env, KNOWN)
}
