import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { publicUrl, serversOf } from '../../database-name.ts'
import type { Log } from '../../ports/log.ts'
import {
  type Commit,
  type CommitResult,
  endedKeysOf,
  type Scope,
  type Store,
  StoreUnavailable,
} from '../../ports/store.ts'
import { logged } from '../migrations.ts'
import { accessWork } from './access.ts'
import { attemptWork } from './attempts.ts'
import { auditedWrites, auditWork } from './audit.ts'
import { checkServer } from './check-server.ts'
import { type Clock, createClock } from './clock.ts'
import { clockWork } from './clock-work.ts'
import { isCommitted } from './commit-guards.ts'
import { type Committer, createCommitter } from './committer.ts'
import { connect, connectListening, ONE_PLAN, openWritable } from './connection.ts'
import { assertNotCopying } from './copying.ts'
import { recognize } from './epochs.ts'
import { eventPurges } from './event-purge.ts'
import { createGrouping } from './grouping.ts'
import { hostsOf } from './hosts.ts'
import { keyRecordWork } from './key-records.ts'
import { ledgerSliceWork } from './ledger-slices.ts'
import { migratePostgres, migrations, withClient } from './migrate.ts'
import { type Heartbeat, type HeartbeatPools, startHeartbeat } from './nodes.ts'
import { notificationWork } from './notifications.ts'
import { pauseReads, pauseWork } from './pauses.ts'
import { createPool, type Pool } from './pool.ts'
import { purges } from './purges.ts'
import { accessReads } from './read-access.ts'
import { alarmReads } from './read-alarms.ts'
import { attemptReads } from './read-attempts.ts'
import { auditReads } from './read-audit.ts'
import { chargeReads } from './read-charges.ts'
import { clockReads } from './read-clock.ts'
import { eventLogReads } from './read-event-log.ts'
import { ledgerReads } from './read-ledger.ts'
import { ledgerDayReads } from './read-ledger-days.ts'
import { ledgerHistoryReads } from './read-ledger-history.ts'
import { limitReads } from './read-limits.ts'
import { providerReads } from './read-providers.ts'
import { ruleSetReads } from './read-rule-sets.ts'
import { statisticReads } from './read-statistics.ts'
import { systemReads } from './read-system.ts'
import { webhookWorkReads } from './read-webhook-work.ts'
import { webhookReads } from './read-webhooks.ts'
import { type RetryOptions, retryConnecting } from './retry-connecting.ts'
import { createRoom } from './room.ts'
import { ruleSetWork } from './rule-sets.ts'
import type { SessionOptions, WithoutFsync } from './session.ts'
import { sessionReads, sessionWork } from './sessions.ts'
import { CHANNEL, type Signals, startSignals } from './signals.ts'
import { statements, withoutNul } from './statements.ts'
import { createStatistics } from './statistics.ts'
import { webhookClaims } from './webhook-claims.ts'
import { webhookLastTries } from './webhook-last-tries.ts'
import { webhookRecords } from './webhook-records.ts'
import { type WebhookWork, webhookWork } from './webhooks.ts'

export type PostgresOptions = {
  /** `postgres://user:password@host:port/database`, with several hosts separated by commas. */
  readonly url: string
  /** Called with the number of commits of each group that was committed. */
  readonly onGroup?: (size: number) => void
  /** Called when MiniPay must not use the database any more. */
  readonly onFatal: (error: Error) => void
  readonly log?: Log
  /** `allow` unless given. */
  readonly withoutFsync?: WithoutFsync
  /** Ends the wait for an unreachable server: the opening rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

const LARGEST_GROUP = 256
/** Groups in progress at once. */
const GROUPS = 2
/** When the second one begins, see `createGrouping`: the fewest operations in it, and ms. */
const LEAST_BESIDE = 16
const PATIENCE_MS = 50
/** Connections: for reads, for writes (groups of commits among them), and one for the heartbeat. */
const READERS = 4
const WRITERS = GROUPS + 3

const SILENT: Log = { info() {}, warn() {}, error() {} }

/**
 * Opens a store on PostgreSQL, also if other nodes have it open: upgrades it to this program's schema, and waits for a
 * server that is starting. Throws a sentence if the server is unreachable, the database is newer or belongs to another
 * program, or a copy into it is in progress.
 */
export async function openPostgresStore(options: PostgresOptions): Promise<Store> {
  const { url, onGroup, log = SILENT, signal, withoutFsync = 'allow' } = options
  const hosts = hostsOf(url)
  const waiting = { log, signal }
  log.info(
    { pid: process.pid, database: publicUrl(url), servers: serversOf(url) },
    'Connecting to PostgreSQL.',
  )
  const another = () => openWritable(hosts)
  const look = (client: Client) => checkServer(client, another, log)
  const schema = await retryConnecting(() => withClient(url, look, { withoutFsync }), waiting)
  const wanted = { schema, withoutFsync }
  await retryConnecting(() => migratePostgres(url, migrations(), wanted, logged(log)), waiting)
  const open = () => connect(hosts, wanted)
  const pools = {
    reads: createPool(READERS, open),
    writes: createPool(WRITERS, () => connect(hosts, { ...wanted, settings: ONE_PLAN })),
    beats: createPool(1, open),
  }
  const node = randomUUID()
  const clock = createClock()
  const heartbeat = await joinNodes(url, wanted, pools, node, clock, waiting)
  const signals = startSignals({
    node,
    listen: (heard, ended) => connectListening(hosts, wanted, CHANNEL, heard, ended),
    others: heartbeat.others,
    log,
  })
  const room = createRoom(pools.writes)
  const collectStatistics = createStatistics(pools.writes, log)
  const onCommitted = (size: number) => {
    collectStatistics(size)
    onGroup?.(size)
  }
  const commits = createGrouping<Commit, CommitResult>({
    largest: LARGEST_GROUP,
    concurrency: GROUPS,
    leastBeside: LEAST_BESIDE,
    patienceMs: PATIENCE_MS,
    run: telling(signals, room.watching(createCommitter(pools.writes, node, onCommitted))),
  })
  const work = workOf(pools.writes, node, signals, collectStatistics)
  const sql = withoutNul(statements(pools.reads, true))
  let closed: Promise<void> | undefined

  async function close(): Promise<void> {
    await commits.close()
    await Promise.all([pools.writes.close(), pools.reads.close()])
    await signals.close()
    await heartbeat.stop()
    await pools.beats.close()
  }

  return {
    ...chargeReads(sql),
    ...eventLogReads(sql),
    ...ledgerReads(sql),
    ...ledgerHistoryReads(sql),
    ...ledgerDayReads(sql),
    ...attemptReads(sql),
    ...ruleSetReads(sql),
    ...providerReads(sql),
    ...statisticReads(sql),
    ...pauseReads(sql),
    ...alarmReads(sql),
    ...accessReads(sql),
    ...sessionReads(sql),
    ...clockReads(sql),
    ...limitReads(sql),
    ...auditReads(sql),
    ...webhookReads(sql),
    ...webhookWorkReads(sql),
    ...systemReads(sql, node),
    ...work,
    commit: (commit) => commits.add(commit, weight(commit)),
    onRemoteEvents: signals.onRemote,
    now: clock.now,
    waitingWrites: () => commits.waiting(),
    logBytes: () => undefined,
    async ready() {
      if (closed) throw new StoreUnavailable('closing', 'The database is closed.')
      await heartbeat.beat()
      await room.assertCommits()
    },
    close() {
      closed ??= close()
      return closed
    },
  }
}

/** Tells the other nodes of the scope of a person's change that was made: the holder of a cursor may be another node. */
function tellingOf(
  { retryWebhookDelivery, retryWebhookDeliveries, addReplay, changeWebhookEndpoint, ...others }: WebhookWork,
  { tell }: Signals,
): WebhookWork {
  const told =
    <A extends readonly unknown[], R>(of: (...given: A) => Scope, work: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      const made = await work(...given)
      if (made) tell([of(...given)])
      return made
    }
  return {
    ...others,
    retryWebhookDelivery: told((scope) => scope, retryWebhookDelivery),
    retryWebhookDeliveries: told((scope) => scope, retryWebhookDeliveries),
    addReplay: told(({ scope }) => scope, addReplay),
    changeWebhookEndpoint: told(({ scope }) => scope, changeWebhookEndpoint),
  }
}

/** Tells the other nodes of the scopes with new events, after the commit. */
function telling(signals: Signals, committer: Committer): Committer {
  return async (commits) => {
    const ended = await committer(commits)
    signals.tell(
      commits.flatMap(({ scope, event }, i) => {
        const end = ended[i]
        return event && end && isCommitted(end) ? [scope] : []
      }),
    )
    return ended
  }
}

/**
 * Registers this node, unless a copy into the database is in progress, and checks whether the database was restored.
 */
async function joinNodes(
  url: string,
  wanted: SessionOptions,
  pools: HeartbeatPools,
  node: string,
  clock: Clock,
  waiting: RetryOptions & { readonly log: Log },
): Promise<Heartbeat> {
  const { log } = waiting
  let heartbeat: Heartbeat | undefined
  try {
    heartbeat = await retryConnecting(() => startHeartbeat(pools, node, clock, log), waiting)
    await retryConnecting(() => assertNotCopying(url, wanted), waiting)
    const look = (client: Client) => recognize(client, node, log)
    await retryConnecting(() => withClient(url, look, wanted), waiting)
    return heartbeat
  } catch (error) {
    await heartbeat?.stop()
    await Promise.all([pools.beats.close(), pools.writes.close()])
    throw error
  }
}

/**
 * Changes of committed rows. When a connection broke, it retries statements that their token keeps from running twice.
 */
function workOf(pool: Pool, node: string, signals: Signals, onRecorded: (deliveries: number) => void) {
  const work = { fenced: statements(pool, true), once: statements(pool, false), audited: auditedWrites(pool) }
  return {
    ...attemptWork(work, node),
    ...notificationWork(work, node),
    ...keyRecordWork(work),
    ...purges(work.fenced),
    ...ledgerSliceWork(work.fenced),
    ...clockWork(work.fenced),
    ...accessWork(work),
    ...sessionWork(work),
    ...ruleSetWork(work),
    ...pauseWork(work),
    ...auditWork(pool),
    ...eventPurges(pool),
    ...tellingOf(webhookWork(work), signals),
    ...webhookClaims(pool, node),
    ...webhookRecords(pool, signals, onRecorded),
    ...webhookLastTries(pool),
  } satisfies Partial<Store>
}

/** The characters of JSON that a commit keeps in memory while it waits. */
function weight(commit: Commit): number {
  const { event, key } = commit
  const ended = endedKeysOf(commit).reduce((sum, { ending }) => sum + (ending.facts?.length ?? 0), 0)
  return (event?.data.length ?? 0) + (key?.ending.facts?.length ?? 0) + ended
}
