/** Every method of the store, and what it shows and changes of another account or mode: nothing. */
import assert from 'node:assert/strict'
import { hourOf } from '../../../src/domain/statistics.ts'
import type { Scope, Store, StoredEvent } from '../../../src/ports/store.ts'
import { accessKeyOf } from '../../kit/access-keys.ts'
import { auditEntry } from '../../kit/audit-entries.ts'
import {
  beginCommit,
  chargeCommit,
  committed,
  type Open,
  refunded,
  rule,
  START,
  taken,
  tick,
} from '../../kit/commits.ts'
import {
  addedEndpoint,
  batchOf,
  changedEndpoint,
  deliveryOf,
  heldEndpoint,
  recorded,
  replayOf,
  resultOf,
  T,
} from '../../kit/webhooks.ts'
import { alarmOf, alarmsCommit } from './alarms.ts'
import { disputed } from './disputes.ts'
import { pauseOf } from './pauses.ts'
import { limited, use } from './velocity.ts'

/** One object of each kind in a scope. */
type Made = Awaited<ReturnType<typeof objectsIn>>

const PAGE = { limit: 9 }
const RULES = '{"default":{"providers":["bank_a"]}}'

const rulesOf = (document: string) => ({ document, note: null, createdAt: tick() })

async function objectsIn(store: Store, scope: Scope) {
  const first = await taken(store, { scope })
  const { charge, refund } = await refunded(store, first.charge, { scope, amount: 100 })
  const { charge: contested, dispute } = await disputed(store, scope, charge, 100)
  const alarm = alarmOf(contested)
  const doubted = alarmsCommit(scope, contested, [alarm])
  await committed(store, doubted)
  const sent = chargeCommit({ scope, key: 'shared-key' })
  await committed(store, sent)
  const open = beginCommit({ scope })
  await committed(store, open.commit)
  await committed(store, limited(scope, [use('card', 5)]))
  await store.replaceRuleSet(scope, 0, rulesOf(RULES), auditEntry(scope))
  await store.addProviderPause(scope, pauseOf(), auditEntry(scope))
  const webhooks = await webhooksIn(store, scope)
  const key = accessKeyOf(scope)
  const entry = auditEntry(scope, { action: 'key.created', object: key.id })
  assert.equal(await store.addAccessKey(key, entry), true)
  const [told = assert.fail()] = (await store.events(scope, { after: 0, limit: 1 })).data
  return {
    event: told.id,
    charge: doubted.charge,
    refund,
    dispute,
    alarm,
    sent,
    attempt: first.attempt,
    key,
    entry,
    ...webhooks,
  }
}

/** A held endpoint with a replay, a failed delivery, one that is due, and events after its position. */
async function webhooksIn(store: Store, scope: Scope) {
  const { endpoint, events } = await heldEndpoint(store, scope, 'of this test', 4)
  const [first, second] = events as [StoredEvent, StoredEvent]
  const object = 'txn_1'
  await recorded(store, endpoint, 'of this test', {
    position: second.sequence,
    results: [
      resultOf(first, endpoint.id, { state: 'failed' }),
      resultOf(second, endpoint.id, { state: 'pending', dueAt: T, object }),
    ],
  })
  const replay = replayOf(endpoint)
  assert.equal(await store.addReplay(replay, null), true)
  const gone = await addedEndpoint(store, scope)
  await changedEndpoint(store, gone, { deletedAt: T })
  return {
    endpoint,
    last: resultOf(first, gone.id),
    gone: gone.id,
    replay,
    dead: deliveryOf(first, endpoint.id).id,
    due: deliveryOf(second, endpoint.id).id,
  }
}

/** A read, with the part of its result that is of the scope. */
type Read = (store: Store, scope: Scope, made: Made) => Promise<unknown>
/** A change of an object of `made`, in another scope; it must do nothing, and say so. */
type Change = { readonly changes: Read }
/** A method that is of no scope, and why. */
type Unscoped = { readonly everyScope: string }

const of = (everyScope: string): Unscoped => ({ everyScope })
const WORKER = of('a worker does the work of every scope; each row that it gets has its scope')
const OPERATOR = of('the operator watches every scope')
const TOKEN = of('the token of the claim is the proof')
const PROCESS = of('of the process, or of the whole database')

/** Every call, as one row. */
const EVERY_CALL = { from: hourOf(START), until: hourOf(START) + 48, bucketHours: null, by: [], limit: 9 }

const READS = {
  idempotencyRecord: (store, scope) => store.idempotencyRecord(scope, 'shared-key'),
  charge: (store, scope, { charge }) => store.charge(scope, charge.id),
  charges: async (store, scope) => (await store.charges(scope, PAGE)).data,
  refund: (store, scope, { refund }) => store.refund(scope, refund.id),
  refunds: async (store, scope) => (await store.refunds(scope, PAGE)).data,
  // The epoch is of the whole database.
  events: async (store, scope) => (await store.events(scope, { after: 0, limit: 9 })).data,
  lastEventSequence: (store, scope) => store.lastEventSequence(scope),
  event: (store, scope, { event }) => store.event(scope, event),
  ledgerAccounts: (store, scope) => store.ledgerAccounts(scope),
  ledgerEntries: async (store, scope) => (await store.ledgerEntries(scope, PAGE)).data,
  ledgerAccountsAt: (store, scope) => store.ledgerAccountsAt(scope, T + 3_600_000),
  ledgerDays: async (store, scope) => (await store.ledgerDays(scope, { limit: 9 })).data,
  ledgerEnd: (store, scope) => store.ledgerEnd(scope),
  currencyTotals: (store, scope) => store.currencyTotals(scope),
  attention: (store, scope) => store.attention(scope, T, T),
  statistics: (store, scope) => store.statistics(scope, EVERY_CALL),
  balances: (store, scope) => store.balances(scope),
  attempts: async (store, scope) => (await store.attempts(scope, PAGE)).data,
  providerUse: (store, scope) => store.providerUse(scope),
  dispute: (store, scope, { dispute }) => store.dispute(scope, dispute.id),
  disputes: async (store, scope) => (await store.disputes(scope, PAGE)).data,
  dueDisputes: async (store, scope) =>
    (await store.dueDisputes(scope, { ...PAGE, dueBefore: Number.MAX_SAFE_INTEGER })).data,
  disputeByReference: (store, scope, { dispute }) =>
    store.disputeByReference(scope, dispute.provider, dispute.providerReference),
  alarm: (store, scope, { alarm }) => store.alarm(scope, alarm.id),
  alarms: async (store, scope) => (await store.alarms(scope, PAGE)).data,
  ruleSet: (store, scope) => store.ruleSet(scope),
  ruleSetVersion: (store, scope) => store.ruleSetVersion(scope, 1),
  ruleSetVersions: async (store, scope) => (await store.ruleSetVersions(scope, PAGE)).data,
  providerPauses: (store, scope) => store.providerPauses(scope),
  velocityCounters: (store, scope) => store.velocityCounters(scope, ['card']),
  accessKey: (store, scope, { key }) => store.accessKey(scope, key.id),
  accessKeys: async (store, scope) => (await store.accessKeys(scope, PAGE)).data,
  auditEntry: (store, scope, { entry }) => store.auditEntry(scope, entry.id),
  auditEntries: async (store, scope) => (await store.auditEntries(scope, PAGE)).data,
  webhookEndpoint: (store, scope, { endpoint }) => store.webhookEndpoint(scope, endpoint.id),
  webhookEndpoints: async (store, scope) => (await store.webhookEndpoints(scope, PAGE)).data,
  webhookCursor: (store, scope, { endpoint }) => store.webhookCursor(scope, endpoint.id),
  webhookHours: (store, scope, { endpoint }) => store.webhookHours(scope, endpoint.id, 0),
  eventsToDeliver: (store, scope) => store.eventsToDeliver(scope, { after: 0, limit: 9 }),
  storedDeliveries: (store, scope, { dead }) => store.storedDeliveries(scope, [dead]),
  dueDeliveries: (store, scope, { endpoint }) =>
    store.dueDeliveries(scope, endpoint.id, { now: T + 60_000, limit: 9 }),
  nextDue: (store, scope, { endpoint }) => store.nextDue(scope, endpoint.id),
  blockedObjects: (store, scope, { endpoint }) => store.blockedObjects(scope, endpoint.id, ['txn_1']),
  failedDeliveriesOf: (store, scope, { endpoint }) =>
    store.failedDeliveriesOf(scope, endpoint.id, { after: 0, to: T, types: null, limit: 9 }),
  eventTypes: async (store, scope) => (await store.eventTypes(scope, { after: 0, to: T, limit: 9 })).data,
  failedEvents: async (store, scope, { endpoint }) =>
    (await store.failedEvents(scope, endpoint.id, { after: 0, to: T, limit: 9 })).data,
  webhookDelivery: (store, scope, { dead }) => store.webhookDelivery(scope, dead),
  webhookDeliveries: async (store, scope) => (await store.webhookDeliveries(scope, PAGE)).data,
  failedWebhookDeliveries: async (store, scope) =>
    (await store.failedWebhookDeliveries(scope, { after: 'dlv_', before: 'dlv`', limit: 9 })).data,
  replay: (store, scope, { replay }) => store.replay(scope, replay.id),
  replays: async (store, scope, { endpoint }) => (await store.replays(scope, endpoint.id, PAGE)).data,
} satisfies Partial<Record<keyof Store, Read>>

const CHANGES = {
  commit: {
    changes: async (store, scope, { charge }) => (await store.commit(alarmsCommit(scope, charge, []))).kind,
  },
  replaceRuleSet: {
    changes: (store, scope) => store.replaceRuleSet(scope, 1, rulesOf('{}'), auditEntry(scope)),
  },
  removeProviderPause: {
    changes: (store, scope) => store.removeProviderPause(scope, pauseOf(), auditEntry(scope)),
  },
  changeWebhookEndpoint: {
    changes: (store, scope, { endpoint }) => {
      const mine = { ...endpoint, scope }
      return store.changeWebhookEndpoint(mine, { ...mine, url: 'https://b.example', version: 2 }, null)
    },
  },
  recordDeliveries: {
    changes: async (store, scope, { endpoint }) => {
      const token = 'of this test'
      const batch = batchOf({ scope, id: endpoint.id }, token, { position: 9 })
      return (await store.recordDeliveries([batch]))[0]
    },
  },
  recordLastTries: {
    changes: async (store, scope, { gone, last }) =>
      (await store.recordLastTries([batchOf({ scope, id: gone }, 'of this test', { results: [last] })]))[0],
  },
  retryWebhookDelivery: {
    changes: (store, scope, { dead }) => store.retryWebhookDelivery(scope, dead, tick(), auditEntry(scope)),
  },
  retryWebhookDeliveries: {
    changes: (store, scope, { dead }) =>
      store.retryWebhookDeliveries(scope, [dead], tick(), auditEntry(scope)),
  },
  addReplay: {
    changes: (store, scope, { endpoint }) =>
      store.addReplay(replayOf({ scope, id: endpoint.id }), auditEntry(scope)),
  },
  cancelReplay: {
    changes: (store, scope, { replay }) => store.cancelReplay(scope, replay.id, tick(), auditEntry(scope)),
  },
} satisfies Partial<Record<keyof Store, Change>>
/** What each change returns that found nothing to change. */
const NOTHING_CHANGED: Readonly<Record<keyof typeof CHANGES, unknown>> = {
  commit: 'version_conflict',
  replaceRuleSet: false,
  removeProviderPause: false,
  changeWebhookEndpoint: false,
  recordDeliveries: false,
  recordLastTries: false,
  retryWebhookDelivery: false,
  retryWebhookDeliveries: 0,
  addReplay: false,
  cancelReplay: false,
}

const UNSCOPED = {
  modeTotals: OPERATOR,
  usedScopes: OPERATOR,
  attemptTotals: OPERATOR,
  pendingSince: OPERATOR,
  pauseTotals: OPERATOR,
  addProviderPause: of('the pause is stored in the scope that is given'),
  addIdempotencyRecord: of('the record is stored in the scope that is given'),
  alarmTotals: OPERATOR,
  accounts: OPERATOR,
  account: OPERATOR,
  addAccount: OPERATOR,
  changeAccount: OPERATOR,
  attempt: of('the caller compares the scope that it returns'),
  attemptByReference: of('a provider reports a reference without its account; the result has its scope'),
  disputeInMode: of('a provider reports a reference without its account; the result has its scope'),
  claimAttempts: WORKER,
  claimAttempt: WORKER,
  claimNotifications: WORKER,
  addNotification: of('its account is known once it is handled'),
  postponeAttempt: TOKEN,
  settleNotification: TOKEN,
  accessKeyByHash: of('the secret of the key is the proof, and the key has its scope'),
  anyAccessKey: PROCESS,
  addAccessKey: of('the key itself has its scope'),
  changeAccessKey: of('the key itself has its scope'),
  rollAccessKey: of('the key itself has its scope'),
  touchAccessKeys: PROCESS,
  dashboardSession: of('the secret of the session is the proof, and its key has its scope'),
  addDashboardSession: of('the session belongs to a key, which has its scope'),
  touchDashboardSession: of('the secret of the session is the proof'),
  endDashboardSession: of('the secret of the session is the proof'),
  dashboardSessionById: of('the caller then reads its key, which has its scope'),
  dashboardSessions: of('the caller has read the key, which has its scope'),
  endDashboardSessions: of('the caller has read their key, which has its scope'),
  purgeDashboardSessions: PROCESS,
  addAuditEntry: of('the entry itself has its scope'),
  purgeNotifications: PROCESS,
  ledgerSlicesDue: OPERATOR,
  addLedgerSlice: WORKER,
  purgeIdempotency: PROCESS,
  purgeVelocityCounters: PROCESS,
  clock: PROCESS,
  keepClock: PROCESS,
  setBack: PROCESS,
  addMark: PROCESS,
  markAt: PROCESS,
  bringForward: PROCESS,
  now: PROCESS,
  waitingWrites: PROCESS,
  logBytes: PROCESS,
  systemFacts: PROCESS,
  ready: PROCESS,
  close: PROCESS,
  addWebhookEndpoint: of('the endpoint itself has its scope'),
  setDefaultWebhookEndpoint: of('the configuration of the process names the scope'),
  sealedWebhookEndpoints: OPERATOR,
  claimWebhookCursors: WORKER,
  webhookShare: PROCESS,
  releaseWebhookCursors: TOKEN,
  webhookDeliveryTotals: OPERATOR,
  backlogTotals: OPERATOR,
  eventsPurgedTo: of('the rules of retention compare two scopes'),
  purgeDeliveries: of('a rule of the lists of deliveries compares two scopes'),
  disabledHolders: of('the rules of retention compare two scopes'),
  purgeEvents: of('the retention of the process is that of every scope'),
  onRemoteEvents: PROCESS,
} satisfies Partial<Record<keyof Store, Unscoped>>

const TABLE: Readonly<Record<string, unknown>> = { ...READS, ...CHANGES, ...UNSCOPED }

export function isolation(open: Open): void {
  rule(open, 'every method has a row in the table of this test', async (store) => {
    const missing = Object.keys(store).filter((name) => !Object.hasOwn(TABLE, name))
    assert.deepEqual(missing, [], 'say here what these show of another scope')
    const gone = Object.keys(TABLE).filter((name) => !Object.hasOwn(store, name))
    assert.deepEqual(gone, [])
  })

  rule(open, 'no method shows anything of another account or mode', async (store, { live, test, other }) => {
    const empty = await open()
    try {
      const made = await objectsIn(store, live)
      for (const [name, read] of Object.entries<Read>(READS)) {
        const nothing = await read(empty.store, live, made)
        assert.notDeepEqual(
          await read(store, live, made),
          nothing,
          `${name} shows something in the scope itself`,
        )
        for (const scope of [test, other, { ...other, mode: 'test' } as const])
          assert.deepEqual(await read(store, scope, made), nothing, name)
      }
    } finally {
      await empty.discard()
    }
  })

  for (const [name, { changes }] of Object.entries<Change>(CHANGES))
    rule(open, `${name} changes nothing of another account or mode`, async (store, { live, test, other }) => {
      const made = await objectsIn(store, live)
      const seen = () => Promise.all(Object.values<Read>(READS).map((read) => read(store, live, made)))
      const before = await seen()
      for (const scope of [test, other])
        assert.deepEqual(await changes(store, scope, made), NOTHING_CHANGED[name as keyof typeof CHANGES])
      assert.deepEqual(await seen(), before)
      // The same change in its own scope is one.
      assert.notDeepEqual(await changes(store, live, made), NOTHING_CHANGED[name as keyof typeof CHANGES])
      assert.notDeepEqual(await seen(), before)
    })

  rule(open, 'a row that is found without its scope has it', async (store, { live, test, other }) => {
    const made = await objectsIn(store, live)
    const { attempt, dispute } = made
    assert.deepEqual((await store.attempt(attempt.id))?.scope, live)
    const reference = String(attempt.providerReference)
    assert.deepEqual((await store.attemptByReference('bank_a', 'authorize', reference))?.scope, live)
    const ofMode = (mode: Scope['mode']) =>
      store.disputeInMode(mode, dispute.provider, dispute.providerReference)
    assert.deepEqual(await ofMode(live.mode), { scope: live, dispute: await store.dispute(live, dispute.id) })
    assert.equal(await ofMode('test'), undefined)
    const lease = { now: tick() + 60_000, leaseUntil: tick() + 120_000, token: 'of this test' }
    const claimed = await store.claimAttempts({ provider: 'bank_a', limit: 9, ...lease })
    assert.ok(claimed.length > 0)
    for (const { scope } of claimed) assert.deepEqual(scope, live)
    assert.deepEqual(await store.usedScopes(9), [live])
    const modes = async () => (await store.modeTotals()).map(({ mode }) => mode)
    assert.deepEqual(await modes(), ['live'])
    await committed(store, chargeCommit({ scope: other }))
    await committed(store, chargeCommit({ scope: test }))
    assert.deepEqual(await store.usedScopes(9), [test, live, other])
    assert.deepEqual(await store.usedScopes(1), [test])
    assert.deepEqual(await modes(), ['test', 'live'])
    const sums = (await store.modeTotals()).map(({ charges_succeeded }) => charges_succeeded)
    const [ours, theirs] = [await store.currencyTotals(live), await store.currencyTotals(other)]
    assert.deepEqual(sums, [1, (ours[0]?.charges_succeeded ?? 0) + (theirs[0]?.charges_succeeded ?? 0)])
    const deliveries = async (mode?: Scope['mode']) => (await store.webhookDeliveryTotals(mode)).pending
    const before = [await deliveries('test'), await deliveries('live')]
    await addedEndpoint(store, test)
    await committed(store, chargeCommit({ scope: test }))
    assert.deepEqual([await deliveries('test'), await deliveries('live')], [before[0]! + 1, before[1]])
    assert.equal(await deliveries(), before[0]! + before[1]! + 1)
  })
}
