/** Fills a new database with a month of a shop. */
import { createEndpoint } from '../../app/webhooks/endpoints.ts'
import { parseSettings } from '../../config.ts'
import { CORE_SETTINGS, type Core, type CoreConfig, openCore } from '../../core.ts'
import { isRejection } from '../../domain/error.ts'
import { canonicalJson } from '../../domain/idempotency.ts'
import type { Log } from '../../ports/log.ts'
import { DEMO_BANKS, DEMO_PROVIDERS } from '../../providers/config.ts'
import { startDispatcher } from '../../workers/webhooks/dispatcher.ts'
import { assertNew } from './assert-new.ts'
import { type Outage, scriptBanks } from './banks.ts'
import { DAY_MS, DAYS, HOUR_MS, MINUTE_MS, planMonth } from './plan.ts'
import { auditOf, createPlay, lookEachHour, type Play, playOrders, SCOPE } from './play.ts'
import { ACCOUNTING, SHOP, scriptReceivers } from './receivers.ts'
import { simulateTime } from './simulated-time.ts'

export type DemoOptions = {
  readonly database: string
  /** As the setting has it. */
  readonly secretsKey: CoreConfig['secretsKey']
  readonly seed: number
  /** The end of the month, in ms since 1970. */
  readonly until: number
  /** Payments on a usual day. */
  readonly perDay: number
}

export type Filled = {
  readonly charges: number
  /** Why there are no webhooks; null: there are some. */
  readonly withoutWebhooks: string | null
}

const SILENT: Log = { info() {}, warn() {}, error() {} }
/** The dispatcher claims its cursors so often; rings wake it in between. In ms. */
const POLL_MS = 6 * HOUR_MS

/**
 * Fills the database through the use cases, with the workers' steps at their times. Throws `NotNew` if it has a charge, a
 * rule, a key, a webhook endpoint or another process; and as `openCore` does.
 */
export async function fillDemo(options: DemoOptions): Promise<Filled> {
  const { database, secretsKey, seed, until, perDay } = options
  await assertNew(database)
  const from = until - DAYS * DAY_MS
  const time = simulateTime(from - HOUR_MS, seed)
  const outages = outagesOf(from)
  const banks = scriptBanks(time.runtime, seed, outages)
  const defaults = parseSettings(
    CORE_SETTINGS,
    () => undefined,
    (key) => key,
    'allowedTargets',
  )
  const settings = { ...defaults, database, secretsKey, localTargets: 'always' } as const
  const fatal: Error[] = []
  const core = await openCore(
    { ...settings, providers: DEMO_PROVIDERS },
    {
      ...{ log: SILENT, env: {}, runtime: time.runtime, isLocal: true, webhookMode: 'test', delivers: false },
      onFatal: (error) => fatal.push(error),
      parts: { store: time.watch, provider: banks.provider },
    },
  )
  const { context, clock } = core
  time.onStep(clock.look)
  try {
    const play = createPlay(time)
    const orders = planMonth(seed, until, perDay)
    await time.until(begin(core, { seed, from, until }))
    const withoutWebhooks = await time.until(makeEndpoints(core))
    const down = { from: from + 20 * DAY_MS + 11 * HOUR_MS, until: from + 20 * DAY_MS + 14 * HOUR_MS }
    const client = scriptReceivers(time.runtime, seed, down)
    const dispatcher = startDispatcher({ ...core.delivering, client, pollMs: POLL_MS })
    planRules(play, core, from)
    lookEachHour(play, context, from, until)
    playOrders({ play, context, banks }, orders)
    await play.until(until)
    await time.until(dispatcher.stop(MINUTE_MS))
    await clock.keep()
    if (fatal[0]) throw fatal[0]
    return { charges: orders.length, withoutWebhooks }
  } finally {
    await context.store.close()
  }
}

function outagesOf(from: number): readonly Outage[] {
  const [north, south] = DEMO_BANKS
  const evening = (days: number) => Math.floor(from / DAY_MS) * DAY_MS + days * DAY_MS + 17 * HOUR_MS
  return [
    { bank: north, from: evening(9), until: evening(9) + 4 * HOUR_MS },
    { bank: south, from: evening(23), until: evening(23) + 2 * HOUR_MS },
  ]
}

/** The first entry marks the database as a demo, even if the rest is interrupted. */
async function begin({ context }: Core, facts: { seed: number; from: number; until: number }): Promise<void> {
  const { seed, from, until } = facts
  const times = { from: new Date(from).toISOString(), until: new Date(until).toISOString() }
  await context.store.addAuditEntry(
    auditOf(context)({ action: 'demo.filled', after: canonicalJson({ seed, ...times }) }),
  )
  const rules = { rules: [], default: split(70) }
  await context.router.replace(SCOPE, rules, { note: 'Two banks' }, auditOf(context))
}

function split(north: number): object {
  const [first, second] = DEMO_BANKS
  return {
    split: [
      { provider: first, weight: north },
      { provider: second, weight: 100 - north },
    ],
    failover_on: ['do_not_honor'],
  }
}

/** Later versions of the rules. */
function planRules(play: Play, { context }: Core, from: number): void {
  const [north, south] = DEMO_BANKS
  const europe = {
    name: 'european cards',
    when: "currency in ['eur', 'huf']",
    providers: [south, north],
    failover_on: ['do_not_honor'],
  }
  const limits = [{ name: 'card testing', per: 'customer', window_s: 3_600, max_charges: 8 }]
  for (const [days, note, document] of [
    [5, 'European cards go to the bank in the south', { rules: [europe], default: split(70) }],
    [12, 'Stop programs that try cards', { rules: [europe], limits, default: split(70) }],
    [24, 'The bank in the south is cheaper now', { rules: [europe], limits, default: split(50) }],
  ] as const)
    play.at(from + days * DAY_MS + 9 * HOUR_MS, () =>
      context.router.replace(SCOPE, document, { note }, auditOf(context)),
    )
}

/** Why none can be made; null if they were. */
async function makeEndpoints({ context }: Core): Promise<string | null> {
  for (const request of [
    { url: SHOP, description: 'The shop: marks orders as paid' },
    {
      url: ACCOUNTING,
      description: 'Accounting',
      events: ['payment.*', 'refund.*', 'dispute.*'],
      delaysS: [60, 600],
    },
  ]) {
    const made = await createEndpoint(context, SCOPE, request, auditOf(context))
    if (isRejection(made)) return made.message
  }
  return null
}
