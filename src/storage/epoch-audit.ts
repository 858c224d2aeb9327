/** Work on a database itself in the audit log: in the live log of the operator's account, which every database has. */
import { randomBytes } from 'node:crypto'
import type { AuditAction, AuditEntry } from '../domain/audit.ts'
import type { Epoch, EpochCause } from '../domain/epoch.ts'
import { idFactory } from '../domain/id.ts'
import { canonicalJson } from '../domain/idempotency.ts'
import { OPERATOR_ACCOUNT } from '../domain/scope.ts'

const ACTIONS: Readonly<Record<Exclude<EpochCause, 'created'>, AuditAction>> = {
  requested: 'epoch.begun',
  replaced: 'epoch.begun',
  restored: 'database.restored',
  copied: 'database.copied',
}

/** The entry of an epoch, for the transaction that begins it. The server begins one by itself, commands the others. */
export function epochEntry({ id, firstSequence, beganAt, cause }: Epoch): AuditEntry {
  return entry(cause === 'created' ? 'epoch.begun' : ACTIONS[cause], beganAt, {
    ...{ actor: cause === 'replaced' ? 'server' : 'cli', object: id },
    after: canonicalJson({ cause, first_sequence: firstSequence }),
  })
}

/** The entry of a copy that continues the numbers of its source, so that it begins no epoch; at `at`, ms since 1970. */
export const copiedEntry = (at: number): AuditEntry =>
  entry('database.copied', at, { actor: 'cli', object: null, after: null })

function entry(
  action: AuditAction,
  at: number,
  facts: Pick<AuditEntry, 'actor' | 'object' | 'after'>,
): AuditEntry {
  const newId = idFactory(
    () => at,
    () => BigInt(`0x${randomBytes(10).toString('hex')}`),
  )
  return {
    ...{ id: newId('aud'), scope: { accountId: OPERATOR_ACCOUNT, mode: 'live' }, at, action, ...facts },
    ...{ before: null, address: null, requestId: null },
  }
}
