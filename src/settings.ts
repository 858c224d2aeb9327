/** Every setting: its flag, environment variable, default and purpose. */
import { databaseProblem, fileProblem, urlProblem } from './database-name.ts'
import {
  apiKey,
  egress,
  integer,
  networks,
  nonEmpty,
  oneOf,
  origin,
  origins,
  ports,
  secret,
  secretsKeys,
  secretWithText,
  server,
  target,
  unless,
  yesOrNo,
} from './setting-values.ts'

export type Setting<T> = {
  /** `--flag`; with `_` in place of `-` it is the key. */
  readonly flag: string
  readonly env: string
  /** The variable's former name, which is still read. */
  readonly formerly?: string
  readonly default: string
  readonly doc: string
  /** The flag alone means `true`; it takes no value. */
  readonly isSwitch?: true
  /** Throws a `ConfigError` without the name of the setting; the caller adds it. */
  readonly parse: (text: string) => T
}

/** The docs have each of these texts. */
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
    doc: 'Address to listen on. On another address than loopback, every request needs an API key.',
    parse: nonEmpty,
  },
  insecureNoAuth: {
    flag: 'insecure-no-auth',
    env: 'MINIPAY_INSECURE_NO_AUTH',
    default: 'false',
    doc: 'Let requests without an API key do everything in test mode, on every address. For experiments only.',
    isSwitch: true,
    parse: yesOrNo,
  },
  allowedOrigins: {
    flag: 'allowed-origins',
    env: 'MINIPAY_ALLOWED_ORIGINS',
    default: '',
    doc: 'Origins of web pages that may call the API (CORS), such as https://shop.example, separated by commas; * for every page.',
    parse: origins,
  },
  noDashboard: {
    flag: 'no-dashboard',
    env: 'MINIPAY_NO_DASHBOARD',
    default: 'false',
    doc: 'Serve no dashboard, and accept none of its sessions.',
    isSwitch: true,
    parse: yesOrNo,
  },
  publicUrl: {
    flag: 'public-url',
    env: 'MINIPAY_PUBLIC_URL',
    default: '',
    doc: 'Address under which others reach MiniPay, such as https://pay.example.com. The dashboard shows it; empty: the address of the page.',
    parse: origin,
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
  secretsKey: {
    flag: 'secrets-key',
    env: 'MINIPAY_SECRETS_KEY',
    default: '',
    doc: 'Keys that encrypt stored webhook secrets: 32 bytes in base64 each, separated by commas; the first encrypts. Empty: see Stored secrets.',
    parse: secretsKeys,
  },
  allowedTargets: {
    flag: 'allowed-targets',
    env: 'MINIPAY_ALLOWED_TARGETS',
    default: '',
    doc: 'Addresses and networks that MiniPay may connect to although it would refuse them, for webhooks and providers, such as 100.64.0.0/10.',
    parse: egress,
  },
  localTargets: {
    flag: 'local-targets',
    env: 'MINIPAY_LOCAL_TARGETS',
    default: 'loopback',
    doc: 'Whether webhook endpoints may be on loopback and use plain http: always, never, or loopback (while MiniPay itself listens on loopback only, and trusts no proxy).',
    parse: oneOf('loopback', 'always', 'never'),
  },
  webhookPorts: {
    flag: 'webhook-ports',
    env: 'MINIPAY_WEBHOOK_PORTS',
    default: '443,8443',
    doc: 'Ports that webhook endpoints may have, separated by commas; any for every port. Local targets may have every port.',
    parse: ports,
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
  eventRetentionDays: {
    flag: 'event-retention-days',
    env: 'MINIPAY_EVENT_RETENTION_DAYS',
    default: '0',
    doc: 'Days that MiniPay keeps an event; 0 keeps events for ever. Events that an endpoint still needs are kept longer.',
    parse: integer(0, 36_500),
  },
  deliveryRetentionDays: {
    flag: 'delivery-retention-days',
    env: 'MINIPAY_DELIVERY_RETENTION_DAYS',
    default: '90',
    doc: 'Days that MiniPay keeps a delivered webhook with its attempts; 0 keeps them for ever.',
    parse: integer(0, 36_500),
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
    doc: 'Client connections at once. For a further one, MiniPay closes the one that has been idle or incomplete longest.',
    parse: integer(1, 100_000),
  },
  actionAgeHours: {
    flag: 'action-age-hours',
    env: 'MINIPAY_ACTION_AGE_HOURS',
    default: '24',
    doc: 'Hours that MiniPay waits for a customer to act, for example to confirm a payment. Then it cancels the payment.',
    parse: integer(1, 8_760),
  },
  maxRequests: {
    flag: 'max-requests',
    env: 'MINIPAY_MAX_REQUESTS',
    default: '1000',
    doc: 'Requests in flight at once. MiniPay refuses further requests with 503 overloaded.',
    parse: integer(1, 100_000),
  },
  maxEventStreams: {
    flag: 'max-event-streams',
    env: 'MINIPAY_MAX_EVENT_STREAMS',
    default: '100',
    doc: 'Event streams and long polls for events at once. They do not count as requests in flight. MiniPay refuses further ones with 503 overloaded.',
    parse: integer(1, 100_000),
  },
  rateLimit: {
    flag: 'rate-limit',
    env: 'MINIPAY_RATE_LIMIT',
    default: '0',
    doc: 'Requests per second that each API key without a limit of its own may make on each node; 0 for no limit.',
    parse: integer(0, 100_000),
  },
  docs: {
    flag: 'docs',
    env: 'MINIPAY_DOCS',
    default: 'loopback',
    doc: 'Where MiniPay serves the API reference at /docs and /openapi.json, without a key: loopback, always or never.',
    parse: oneOf('loopback', 'always', 'never'),
  },
  trustedProxies: {
    flag: 'trusted-proxies',
    env: 'MINIPAY_TRUSTED_PROXIES',
    default: '',
    doc: 'Addresses and networks of proxies whose X-Forwarded-For and X-Forwarded-Proto MiniPay believes, such as 10.0.0.0/8, separated by commas.',
    parse: networks,
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
  accessLog: {
    flag: 'access-log',
    env: 'MINIPAY_ACCESS_LOG',
    default: 'debug',
    doc: 'Level of the line that every request gets in the log: debug, info or off.',
    parse: oneOf('debug', 'info', 'off'),
  },
  server: {
    flag: 'server',
    env: 'MINIPAY_SERVER',
    default: 'http://127.0.0.1:8080',
    doc: 'URL of the running server that the command calls.',
    parse: server,
  },
  key: {
    flag: 'key',
    env: 'MINIPAY_KEY',
    default: '',
    doc: 'API key for the server: mp_test_… or mp_live_…. Set the variable, because other users can read flags.',
    parse: apiKey,
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
