import type { AccessKey } from '../../src/domain/access/access-key.ts'
import type { Scope } from '../../src/domain/scope.ts'
import { newId, tick } from './commits.ts'

let made = 0

/** An access key with a hash of its own, that may do what an application does; `changes` replaces parts of it. */
export function accessKeyOf(scope: Scope, changes: Partial<AccessKey> = {}): AccessKey {
  const hash = (++made).toString(16).padStart(64, '0')
  return {
    ...{ id: newId('key'), scope, name: 'shop', hash, hint: `mp_${scope.mode}_…wxyz` },
    ...{ role: 'application', permissions: null, networks: null, rateLimit: null },
    ...{ expiresAt: null, revokedAt: null, rolledTo: null, lastUsedAt: null },
    ...{ createdAt: tick(), createdBy: 'cli' },
    ...changes,
  }
}
