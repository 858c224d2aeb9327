/**
 * Every write of the embedded database, by the name of the store's method. Each is defined once, as a function that
 * prepares it in the writer thread. The thread's dispatch and the store's methods follow from the definitions.
 */
import type { CommitResult, Store } from '../../ports/store.ts'
import { lastTries } from '../webhooks.ts'
import { messageOf } from './commit-message.ts'
import type { Connection } from './connection.ts'
import type { Definition } from './definition.ts'
import type { LedgerCache } from './ledger-cache.ts'
import { schemaVersion } from './migrate.ts'
import { sessionWrites } from './sessions.ts'
import type { Behind } from './tails.ts'
import { batchMessage } from './webhook-message.ts'
import { accessWrites } from './write-access.ts'
import { attemptWrites } from './write-attempts.ts'
import { auditWrites } from './write-audit.ts'
import { clockWrites } from './write-clock.ts'
import { commitWrite } from './write-commit.ts'
import { purgeWrites } from './write-event-purge.ts'
import { keyWrites } from './write-keys.ts'
import { ledgerSliceWrites } from './write-ledger-slices.ts'
import { limitWrites } from './write-limits.ts'
import { notificationWrites } from './write-notifications.ts'
import { pauseWrites } from './write-pauses.ts'
import { ruleSetWrites } from './write-rule-sets.ts'
import { webhookCursorWrites } from './write-webhook-cursors.ts'
import { webhookDeliveryWrites } from './write-webhook-deliveries.ts'
import { webhookWrites } from './write-webhooks.ts'

export const WRITES = {
  commit: commitWrite,
  ...attemptWrites,
  ...notificationWrites,
  ...ruleSetWrites,
  ...sessionWrites,
  ...pauseWrites,
  ...keyWrites,
  ...limitWrites,
  ...ledgerSliceWrites,
  ...clockWrites,
  ...accessWrites,
  ...auditWrites,
  ...purgeWrites,
  ...webhookWrites,
  ...webhookCursorWrites,
  ...webhookDeliveryWrites,
  /** Sets the version to its current value: a real, synced write that changes nothing. */
  ready: (db) => () => {
    db.pragma(`user_version = ${schemaVersion(db)}`)
  },
} satisfies Record<string, Definition>

type Prepared = { readonly [N in keyof typeof WRITES]: ReturnType<(typeof WRITES)[N]> }
/** The name of a write, and its arguments. */
export type Write = { [N in keyof Prepared]: readonly [N, ...Parameters<Prepared[N]>] }[keyof Prepared]

/** Prepares every write. Returns a function that runs one and returns its result. */
export function prepareWrites(db: Connection, cache: LedgerCache, behind: Behind): (write: Write) => unknown {
  const prepared: Record<string, (...args: never[]) => unknown> = {}
  for (const [name, define] of Object.entries<Definition>(WRITES)) prepared[name] = define(db, cache, behind)
  return ([name, ...args]) => prepared[name]?.(...(args as never[]))
}

type Sending = {
  readonly [N in keyof Prepared]: (...args: Parameters<Prepared[N]>) => Promise<ReturnType<Prepared[N]>>
}

const COMMITTED: CommitResult = { kind: 'committed' }

/** The store's methods that write: each sends its arguments to the writer thread. */
export function storeWrites(send: (write: Write, usual?: unknown) => Promise<unknown>) {
  const names = Object.keys(WRITES) as (keyof Prepared)[]
  const sending = Object.fromEntries(
    names.map((name) => [name, (...args: unknown[]) => send([name, ...args] as unknown as Write)]),
  ) as unknown as Sending
  return {
    ...sending,
    commit: (commit) => send(['commit', messageOf(commit)], COMMITTED) as Promise<CommitResult>,
    recordDeliveries: (batches) => sending.recordDeliveries(batches.map(batchMessage)),
    recordLastTries: (batches) =>
      sending.recordLastTries(batches.map((batch) => batchMessage(lastTries(batch)))),
  } satisfies Partial<Store>
}
