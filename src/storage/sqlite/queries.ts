import type { CurrencyTotals, LedgerAccount, Scope } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { accessReads } from './read-access.ts'
import { alarmReads } from './read-alarms.ts'
import { attemptReads } from './read-attempts.ts'
import { auditReads } from './read-audit.ts'
import { chargeReads } from './read-charges.ts'
import { clockReads } from './read-clock.ts'
import { customerReads } from './read-customers.ts'
import { eventLogReads } from './read-event-log.ts'
import { keyReads } from './read-keys.ts'
import { ledgerReads } from './read-ledger.ts'
import { ledgerDayReads } from './read-ledger-days.ts'
import { ledgerHistoryReads } from './read-ledger-history.ts'
import { limitReads } from './read-limits.ts'
import { createStatements } from './read-page.ts'
import { pauseReads } from './read-pauses.ts'
import { providerReads } from './read-providers.ts'
import { ruleSetReads } from './read-rule-sets.ts'
import { statisticReads } from './read-statistics.ts'
import { systemReads } from './read-system.ts'
import { webhookWorkReads } from './read-webhook-work.ts'
import { webhookReads } from './read-webhooks.ts'
import { sessionReads } from './sessions.ts'
import type { Tails } from './tails.ts'

/**
 * Reads over one read-only connection. An index limits each: none grows with the history. `tails` are the writer's: they have
 * what is not in an index yet.
 */
export function createQueries(db: Connection, tails: Tails) {
  const sql = createStatements(db)
  const ledger = ledgerReads(sql)
  /** One snapshot: otherwise the writer may commit between two statements. */
  const balances = db.transaction(
    (scope: Scope): { totals: CurrencyTotals[]; accounts: LedgerAccount[] } => ({
      totals: ledger.currencyTotals(scope),
      accounts: ledger.ledgerAccounts(scope),
    }),
  )
  return {
    ...chargeReads(sql, keyReads(sql, tails), customerReads(sql, tails)),
    ...ledger,
    ...ledgerHistoryReads(sql),
    ...ledgerDayReads(db, sql),
    balances,
    ...eventLogReads(sql),
    ...attemptReads(sql, tails),
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
    ...systemReads(db),
  }
}
