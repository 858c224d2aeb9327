import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { EventType } from '../../domain/event.ts'
import type { Log } from '../../ports/log.ts'
import type { NotificationSubject } from '../../ports/provider.ts'
import {
  type ClaimedDelivery,
  type CommitResult,
  type Store,
  type StoredNotification,
  StoreUnavailable,
} from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { recognize, startMarking } from './epochs.ts'
import { freeLeases } from './free-leases.ts'
import { type Guard, startGuard } from './guard.ts'
import { type Lock, lockDatabase } from './lock.ts'
import { saveLost } from './loss.ts'
import { filesAt, identityOf } from './mark.ts'
import { migrate } from './migrate.ts'
import { openReader, openWriter } from './open.ts'
import {
  addNotificationOp,
  COMMIT,
  claimAttemptsOp,
  claimNotificationsOp,
  claimOp,
  commitOp,
  OP,
  postponeOp,
  replaceRuleSetOp,
  settleNotificationOp,
  settleOp,
} from './ops.ts'
import { writePid } from './pid.ts'
import { savedBeside, warningOf } from './place.ts'
import { createQueries } from './queries.ts'
import { type FoundKey, live, type OwnedRow, ownedAttempt, recordOf } from './rows.ts'
import { sharedMemory } from './shared.ts'
import { walBytes } from './wal.ts'
import { voidSendersLeases } from './write-attempts.ts'
import type { NotificationColumns } from './write-notifications.ts'
import { classify } from './writer.ts'
import { failureError, type SqliteOptions, startWriter, type WriterThread } from './writer-client.ts'

/**
 * Opens the embedded store: locks the file against other processes, brings it to this program's schema and starts the
 * writer's thread. Throws a sentence when the file is in use, newer than us, or can't be opened. If the files of the
 * open database are removed or replaced, the store accepts no more writes, saves the data that it can read, and calls
 * `onFatal`.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const lock = lockDatabase(options.file)
  try {
    const log = options.log ?? SILENT
    tellOfPlace(lock, log)
    const lineage = prepare(lock.place, log)
    const identity = identityOf(lock.place)
    const shared = sharedMemory()
    let found: Guard | undefined
    // Files that were taken away look damaged: then something is still to be saved.
    const onFatal = (error: Error) => void (found?.check() || options.onFatal(error))
    const thread = await startWriter({ ...options, file: lock.place, onFatal }, shared)
    const reader = await openOrElse(() => openReader(lock.place), thread.close)
    const opened = { lock, identity, shared, thread, reader, lineage }
    const { pid, marking, guard, lost } = await openOrElse(
      () => ({ ...watch({ ...options, log }, opened), pid: writePid(lock.place) }),
      async () => {
        reader.close()
        await thread.close()
      },
    )
    found = guard
    let closed: Promise<void> | undefined
    const close = async (): Promise<void> => {
      // A folder that is gone as a whole just now leaves nothing that a close could write into by mistake.
      if (existsSync(dirname(lock.place))) guard.check()
      guard.stop()
      pid.remove()
      const saved = lost()
      if (saved) throw await saved
      marking.stop()
      // The writer's connection is closed last: only a writer's close folds the WAL back into one file.
      reader.close()
      await thread.close()
      lock.release()
    }
    const queries = createQueries(reader)
    const read = readFrom(reader, onFatal)
    const logBytes = () => walBytes(lock.place)
    return {
      ...reads(queries, read),
      ...writes(thread),
      ...claims(thread),
      logBytes,
      close: () => (closed ??= close()),
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Brings the database to this program's schema and frees what a former process left; answers the lineage. */
function prepare(place: string, log: Log): string {
  const writer = openWriter(place)
  try {
    migrate(writer)
    const lineage = recognize(writer, place, Date.now(), log)
    voidSendersLeases(writer)
    freeLeases(writer, Date.now())
    return lineage
  } finally {
    writer.close()
  }
}

/** Says what a person should know of the place, though it can be served from. */
function tellOfPlace({ place, tightened, loose }: Lock, log: Log): void {
  const warning = warningOf(place)
  if (warning !== undefined) log.warn({ database: place }, warning)
  if (tightened.length > 0)
    log.warn({ files: tightened }, 'Other users could read these files. Now only their owner can.')
  if (loose.length > 0)
    log.warn(
      { files: loose },
      'Other users can read these files, and MiniPay may not change that. Run chmod 600.',
    )
  const saved = savedBeside(place)
  if (saved.length > 0)
    log.warn(
      { files: saved },
      'These files have charges that the database may lack. Check them, then move them to another folder.',
    )
}

type Opened = {
  readonly lock: Lock
  readonly identity: string | undefined
  readonly shared: Int32Array
  readonly thread: WriterThread
  readonly reader: Connection
  readonly lineage: string
}

/** The mark that follows the numbers, and the guard that watches the files. */
function watch(
  { file, log, onFatal }: SqliteOptions & { readonly log: Log },
  { lock: { place }, identity, shared, thread, reader, lineage }: Opened,
) {
  const files = filesAt(place)
  if (identity === undefined || files.database !== identity)
    throw new Error(`${file} was replaced while it was being opened. Start again.`)
  const marking = startMarking(reader, place, lineage)
  let saved: Promise<Error> | undefined
  let closing = false
  const guard: Guard = startGuard({
    file,
    place,
    identity,
    shared,
    onLoss(loss) {
      marking.stop()
      const nameNow = () => guard.nameNow()
      saved = saveLost(loss, { place, files, thread, shared, log, nameNow })
      saved.then((error) => closing || onFatal(error))
    },
  })
  /** While it closes: the error that the close fails with, once everything is saved; undefined when nothing was lost. */
  const lost = (): Promise<Error> | undefined => {
    closing = true
    return saved
  }
  return { marking, guard, lost }
}

/** Runs queries on the reader; they fail as writes do. */
function readFrom(reader: Connection, onFatal: (error: Error) => void): Read {
  return async (query) => {
    try {
      return await query()
    } catch (error) {
      if (!reader.open) throw new StoreUnavailable('closing', 'The database is closed.')
      const failure = classify(error)
      throw failure.failed === 'bug' ? error : failureError(failure, onFatal)
    }
  }
}

const SILENT: Log = { info() {}, warn() {}, error() {} }

async function openOrElse<T>(open: () => T, undo: () => Promise<void>): Promise<T> {
  try {
    return open()
  } catch (error) {
    await undo()
    throw error
  }
}

/** Runs a query; it fails as writes do, with `StoreUnavailable` when the database can't answer it now. */
type Read = <T>(query: () => T | Promise<T>) => Promise<T>

type Queries = ReturnType<typeof createQueries>

function reads(queries: Queries, read: Read) {
  return {
    idempotencyRecord: (scope, key) => read(() => queries.idempotencyRecord(scope, key)),
    charge: (scope, id) => read(() => queries.charge(scope, id)),
    charges: (scope, query) => read(() => queries.charges(scope, query)),
    refund: (scope, id) => read(() => queries.refund(scope, id)),
    refunds: (scope, query) => read(() => queries.refunds(scope, query)),
    dispute: (scope, id) => read(() => queries.dispute(scope, id)),
    disputes: (scope, query) => read(() => queries.disputes(scope, query)),
    disputeByReference: (scope, provider, reference) =>
      read(() => queries.disputeByReference(scope, provider, reference)),
    events: (scope, query) => read(() => queries.events(scope, query)),
    ledgerAccounts: (scope) => read(() => queries.ledgerAccounts(scope)),
    ledgerEntries: (scope, query) => read(() => queries.ledgerEntries(scope, query)),
    balances: (scope) => read(() => queries.balances(scope)),
    currencyTotals: (scope) => read(() => queries.currencyTotals(scope)),
    deliveryTotals: () => read(() => queries.deliveryTotals()),
    delivery: (scope, id) => read(() => queries.delivery(scope, id)),
    failedDeliveries: (scope, query) => read(() => queries.failedDeliveries(scope, query)),
    deliveries: (scope, query) => read(() => queries.deliveries(scope, query)),
    attempts: (scope, query) => read(() => queries.attempts(scope, query)),
    attempt: (id) => read(() => queries.attempt(id)),
    attemptByReference: (provider, kind, reference) =>
      read(() => queries.attemptByReference(provider, kind, reference)),
    providerUse: (scope) => read(() => queries.providerUse(scope)),
    attemptTotals: (overdueBefore) => read(() => queries.attemptTotals(overdueBefore)),
    pendingSince: (before) => read(() => queries.pendingSince(before)),
    alarm: (scope, id) => read(() => queries.alarm(scope, id)),
    alarms: (scope, query) => read(() => queries.alarms(scope, query)),
    alarmTotals: () => read(() => queries.alarmTotals()),
    ruleSet: (scope) => read(() => queries.ruleSet(scope)),
    clock: () => read(() => queries.clock()),
  } satisfies Partial<Store>
}

function writes(writer: WriterThread) {
  return {
    async commit(commit) {
      return commitResult(await writer.send(commitOp(commit)))
    },
    settleDelivery: (settlement) => writer.send(settleOp(settlement)),
    releaseDelivery: (id, token) => writer.send([OP.release, id, token]),
    retryDelivery: (scope, id, now) => writer.send([OP.retry, scope.accountId, live(scope), id, now]),
    retryDeliveries: (scope, ids, now) => writer.send([OP.retryMany, scope.accountId, live(scope), ids, now]),
    postponeAttempt: (postponement) => writer.send(postponeOp(postponement)),
    replaceRuleSet: (scope, version, document, now) =>
      writer.send(replaceRuleSetOp(scope, version, document, now)),
    addNotification: (notification) => writer.send(addNotificationOp(notification)),
    settleNotification: (settlement) => writer.send(settleNotificationOp(settlement)),
    purgeNotifications: (before, limit) => writer.send([OP.purgeNotifications, before, limit]),
    purgeIdempotency: (lastKey, limit) => writer.send([OP.purge, lastKey, limit]),
    keepClock: (clock, seenMs) => writer.send([OP.clock, 'keep', [clock, seenMs]]),
    setBack: (ms) => writer.send([OP.clock, 'setBack', [ms]]),
    addMark: (observedMs, wallMs) => writer.send([OP.clock, 'addMark', [observedMs, wallMs]]),
    markAt: (observedMs) => writer.send([OP.clock, 'markAt', [observedMs]]),
    bringForward: (stretch) => writer.send([OP.clock, 'bringForward', [stretch]]),
    now: Date.now,
    waitingWrites: writer.waiting,
    async ready() {
      await writer.send([OP.ping])
    },
  } satisfies Partial<Store>
}

/** `commit` answers a number, what is stored under a taken key, or the attempt that has a taken reference. */
function commitResult(answer: number | FoundKey | string): CommitResult {
  if (answer === COMMIT.committed) return { kind: 'committed' }
  if (answer === COMMIT.versionConflict) return { kind: 'version_conflict' }
  if (answer === COMMIT.notHeld) return { kind: 'not_held' }
  if (answer === COMMIT.balanceLimit) return { kind: 'balance_limit' }
  if (typeof answer === 'string') return { kind: 'reference_taken', attemptId: answer }
  return { kind: 'key_exists', record: recordOf(answer as FoundKey) }
}

/** A claimed delivery, and its event: sequence, epoch, id, type, time and data. */
type ClaimedRow = [string, number, number, string, string, EventType, number, string]

function claims(writer: WriterThread) {
  return {
    async claimDeliveries(claim) {
      const rows = await writer.send<ClaimedRow[]>(claimOp(claim))
      return rows.map(
        ([id, attempts, sequence, epoch, eventId, eventType, eventAt, data]): ClaimedDelivery => ({
          id,
          token: claim.token,
          attempts,
          sequence,
          epoch,
          eventId,
          eventType,
          eventAt,
          data,
        }),
      )
    },
    async claimAttempts(claim) {
      const rows = await writer.send<OwnedRow[]>(claimAttemptsOp(claim))
      return rows.map(ownedAttempt)
    },
    async claimAttempt(id, { now, leaseUntil, token }) {
      const rows = await writer.send<OwnedRow[]>([OP.claimAttempt, id, now, leaseUntil, token])
      return rows.map(ownedAttempt)[0]
    },
    async claimNotifications(claim) {
      const rows = await writer.send<NotificationColumns[]>(claimNotificationsOp(claim))
      return rows.map(storedNotification)
    },
  } satisfies Partial<Store>
}

function storedNotification({ about, reference, ...rest }: NotificationColumns): StoredNotification {
  return { ...rest, subject: subjectOf(about, reference ?? '') }
}

function subjectOf(about: NotificationColumns['about'], reference: string): NotificationSubject {
  if (about === 'nothing') return { about }
  return about === 'attempt' ? { about, attemptId: reference } : { about, reference }
}
