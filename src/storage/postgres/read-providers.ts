import type { ProviderUse, Scope } from '../../ports/store.ts'
import { BY_STATE, live, modeOf, SENDING } from './rows.ts'
import type { Sql } from './statements.ts'

const REFERENCED = `kind IN ('authorize', 'refund') AND provider_reference IS NOT NULL`

/** Steps from one provider's name to the next by the index, without reading the attempts in between. */
const NAMED = `
  WITH RECURSIVE named (provider) AS (
    (SELECT provider FROM attempts WHERE ${REFERENCED} ORDER BY provider LIMIT 1)
    UNION ALL
    SELECT (SELECT a.provider FROM attempts a WHERE ${REFERENCED} AND a.provider > named.provider
            ORDER BY a.provider LIMIT 1)
    FROM named WHERE named.provider IS NOT NULL
  )
  SELECT provider,
    (EXISTS (SELECT 1 FROM attempts a WHERE a.provider = named.provider AND ${REFERENCED} AND kind = 'authorize'
            AND provider_reference < 'sandbox_')
    OR EXISTS (SELECT 1 FROM attempts a WHERE a.provider = named.provider AND ${REFERENCED} AND kind = 'authorize'
               AND provider_reference >= 'sandbox\`'))::int AS remote
  FROM named WHERE provider IS NOT NULL LIMIT 100`

/** The oldest attempts: those without a worker become the oldest. */
const OPEN = `
  SELECT provider, count(*)::bigint AS "openAttempts" FROM (
    (SELECT provider FROM ${SENDING} WHERE account_id = $1 AND live = $2 ORDER BY id LIMIT 1000)
    ${['pending', 'unknown']
      .map(
        (state) =>
          `UNION ALL (SELECT provider FROM attempts
            WHERE account_id = $1 AND live = $2 AND state = '${state}' AND ${BY_STATE} ORDER BY id LIMIT 1000)`,
      )
      .join(' ')}
  ) AS open GROUP BY provider`

/** The newest attempts: a provider that only ever failed was used all the same. */
const FAILED = `
  SELECT DISTINCT provider FROM (
    ${['declined', 'not_sent']
      .map(
        (state) =>
          `(SELECT provider FROM attempts
            WHERE account_id = $1 AND live = $2 AND state = '${state}' AND ${BY_STATE} ORDER BY id DESC LIMIT 1000)`,
      )
      .join(' UNION ALL ')}
  ) AS failed`

/** The providers that a scope has in its ledger: the names above are those of every scope. */
const BOOKED = `
  SELECT DISTINCT split_part(code, ':', 2) AS provider FROM ledger_accounts
  WHERE account_id = $1 AND live = $2 AND (code LIKE 'provider:%' OR code LIKE 'authorized:%')`

const USED_SCOPES = `
  SELECT account_id AS "accountId", live FROM counters UNION SELECT account_id, live FROM rule_sets
  ORDER BY 1, 2 LIMIT $1`

/** The providers that attempts name. */
export function providerReads(sql: Sql) {
  return {
    async providerUse(scope: Scope): Promise<ProviderUse[]> {
      const of = [scope.accountId, live(scope)]
      // One after another: a starting node needs only one connection for this, because others may be short of
      // connections.
      const named = await sql(NAMED)
      const open = await sql(OPEN, of)
      const failed = await sql(FAILED, of)
      const booked = new Set((await sql(BOOKED, of)).rows.map(({ provider }) => provider))
      const uses = new Map<string, ProviderUse>()
      const ofAll = new Map(
        (named.rows as { provider: string; remote: number }[]).map(({ provider, remote }) => [
          provider,
          { provider, remote: remote === 1, taken: true, openAttempts: 0 },
        ]),
      )
      for (const [provider, use] of ofAll) if (booked.has(provider)) uses.set(provider, use)
      for (const { provider, openAttempts } of open.rows as Pick<ProviderUse, 'provider' | 'openAttempts'>[])
        uses.set(provider, { ...(ofAll.get(provider) ?? unused(provider)), openAttempts })
      for (const { provider } of failed.rows as Pick<ProviderUse, 'provider'>[])
        if (!uses.has(provider)) uses.set(provider, ofAll.get(provider) ?? unused(provider))
      return [...uses.values()]
    },

    async usedScopes(limit: number): Promise<Scope[]> {
      const { rows } = await sql(USED_SCOPES, [limit])
      return rows.map(({ accountId, live: in_ }) => ({ accountId: accountId as number, mode: modeOf(in_) }))
    },
  }
}

/** Named by attempts, but without a payment. */
function unused(provider: string): ProviderUse {
  return { provider, remote: false, taken: false, openAttempts: 0 }
}
