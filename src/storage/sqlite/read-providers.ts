import type { ProviderUse, Scope } from '../../ports/store.ts'
import type { Sql } from './read-page.ts'
import { live, modeOf } from './rows.ts'

const NAMED = 'SELECT provider, remote FROM referenced_providers ORDER BY provider LIMIT 100'

/** The oldest attempts: those without a worker become the oldest. */
const OPEN = `
  SELECT provider, count(*) AS openAttempts FROM (
    ${['sending', 'pending', 'unknown']
      .map(
        (state) =>
          `SELECT * FROM (SELECT provider FROM attempts INDEXED BY attempts_by_state
           WHERE state = '${state}' AND state <> 'succeeded' AND account_id = ? AND live = ? ORDER BY id LIMIT 1000)`,
      )
      .join(' UNION ALL ')}
  ) GROUP BY provider`

/** The newest attempts: a provider that only ever failed was used all the same. */
const FAILED = `
  SELECT DISTINCT provider FROM (
    ${['declined', 'not_sent']
      .map(
        (state) =>
          `SELECT * FROM (SELECT provider FROM attempts INDEXED BY attempts_by_state
           WHERE state = '${state}' AND state <> 'succeeded' AND account_id = ? AND live = ? ORDER BY id DESC LIMIT 1000)`,
      )
      .join(' UNION ALL ')}
  )`

/** The providers that a scope has in its ledger: the names above are those of every scope. */
const BOOKED = `
  SELECT DISTINCT substr(code, instr(code, ':') + 1) AS provider FROM ledger_accounts
  WHERE account_id = ? AND live = ? AND (code LIKE 'provider:%' OR code LIKE 'authorized:%')`

const USED_SCOPES = `
  SELECT account_id AS accountId, live FROM counters UNION SELECT account_id, live FROM rule_sets
  ORDER BY 1, 2 LIMIT ?`

/** The providers that attempts name. */
export function providerReads(sql: Sql) {
  return {
    providerUse(scope: Scope): ProviderUse[] {
      const named = sql(NAMED).all() as { provider: string; remote: number }[]
      const of = [scope.accountId, live(scope)]
      const open = sql(OPEN).all(...of, ...of, ...of) as Pick<ProviderUse, 'provider' | 'openAttempts'>[]
      const failed = sql(FAILED).all(...of, ...of) as Pick<ProviderUse, 'provider'>[]
      const booked = new Set(
        sql(BOOKED)
          .pluck()
          .all(...of) as string[],
      )
      const uses = new Map<string, ProviderUse>()
      const ofAll = new Map(
        named.map(({ provider, remote }) => [
          provider,
          { provider, remote: remote === 1, taken: true, openAttempts: 0 },
        ]),
      )
      for (const [provider, use] of ofAll) if (booked.has(provider)) uses.set(provider, use)
      for (const { provider, openAttempts } of open)
        uses.set(provider, { ...(ofAll.get(provider) ?? unused(provider)), openAttempts })
      for (const { provider } of failed)
        if (!uses.has(provider)) uses.set(provider, ofAll.get(provider) ?? unused(provider))
      return [...uses.values()]
    },

    usedScopes(limit: number): Scope[] {
      const rows = sql(USED_SCOPES).all(limit) as { accountId: number; live: number }[]
      return rows.map(({ accountId, live: in_ }) => ({ accountId, mode: modeOf(in_) }))
    },
  }
}

/** Named by attempts, but without a payment. */
function unused(provider: string): ProviderUse {
  return { provider, remote: false, taken: false, openAttempts: 0 }
}
