import type { AuditEntry } from '../../domain/audit.ts'
import { auditText } from '../chain/link.ts'
import { AUDIT } from '../columns.ts'
import type { Connection } from './connection.ts'
import type { Definition } from './definition.ts'
import { type LedgerCache, ledgerCache } from './ledger-cache.ts'
import { insertRow } from './row-statements.ts'
import { live } from './rows.ts'

/** Appends an entry to its scope's audit log with the next number, in the transaction of the change that it records. */
export function appendAudit(db: Connection, cache: LedgerCache): (entry: AuditEntry) => void {
  const insert = db.prepare(insertRow(AUDIT, ['seq']))
  return (entry) => {
    const own = [entry.scope.accountId, live(entry.scope)] as const
    insert.run(...own, ...AUDIT.row(entry), ++cache.numbers(...own).audit)
    cache.chain.add(...own, 'audit', auditText(entry), entry.at)
  }
}

/** Appends an entry and its link in the transaction of a command, on a database that no writer thread has. */
export function appendAlone(db: Connection, entry: AuditEntry): void {
  const cache = ledgerCache(db)
  appendAudit(db, cache)(entry)
  cache.flush()
}

export const auditWrites = {
  addAuditEntry: appendAudit,
} satisfies Record<string, Definition>
