import type { Client } from 'pg'
import { lastLink, NOTHING, SEALED_ROWS, sealingLink } from '../chain/seal.ts'
import { NOW } from './clock.ts'

type ScopeRow = { readonly account_id: number; readonly live: number }

const SCOPES = `SELECT a.id AS account_id, m.live FROM accounts a CROSS JOIN (VALUES (0), (1)) AS m (live) ORDER BY 1, 2`
const LAST = `
  SELECT number, events_to, transfers_to, audit_to, hash FROM chain_links
  WHERE account_id = $1 AND live = $2 ORDER BY number DESC LIMIT 1`
const EVENTS = `
  SELECT seq, id, type, created_at, data FROM events
  WHERE account_id = $1 AND live = $2 AND seq > $3 ORDER BY seq LIMIT ${SEALED_ROWS}`
const TRANSFERS = `
  SELECT t.seq, t.transaction_id, t.amount, t.created_at, d.code AS debit, c.code AS credit, d.currency
  FROM ledger_accounts d
  CROSS JOIN LATERAL (
    SELECT * FROM ledger_transfers
    WHERE debit_account_id = d.id AND seq > $3 AND seq <= $3::bigint + ${SEALED_ROWS} OFFSET 0) AS t
  JOIN ledger_accounts c ON c.id = t.credit_account_id
  WHERE d.account_id = $1 AND d.live = $2 ORDER BY t.seq`
const AUDIT = `
  SELECT * FROM audit_log WHERE account_id = $1 AND live = $2 AND seq > $3 ORDER BY seq LIMIT ${SEALED_ROWS}`
const INSERT = `
  INSERT INTO chain_links (account_id, live, number, events_to, transfers_to, audit_to, hash, at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

/**
 * Gives every row from before the hash chains its link, unless that is done: see chain/seal. If several nodes start at
 * once, they take turns. No node can commit meanwhile: those of former versions lack a column, and this version serves
 * later.
 */
export async function sealOnce(client: Client): Promise<void> {
  const { rows } = await client.query<{ sealed_at: string | null }>('SELECT sealed_at FROM chain_seal')
  if (rows[0]?.sealed_at !== null) return
  await sealRows(client)
  await client.query(`UPDATE chain_seal SET sealed_at = ${NOW} WHERE sealed_at IS NULL`)
}

/** Gives every row without a link its link. No node may be serving the database. */
export async function sealRows(client: Client): Promise<void> {
  const { rows: scopes } = await client.query<ScopeRow>(SCOPES)
  for (const { account_id, live } of scopes) while (await sealNext(client, account_id, live));
}

/** Adds one link; false if every row of the scope has one. */
async function sealNext(client: Client, accountId: number, live: number): Promise<boolean> {
  await client.query('BEGIN')
  try {
    await client.query('SELECT id FROM chain_seal FOR UPDATE')
    const own = [accountId, live]
    const rowsOf = async (text: string, ...more: number[]) =>
      (await client.query<Record<string, string | number | null>>(text, [...own, ...more])).rows
    const last = lastLink((await rowsOf(LAST))[0])
    const after = last?.ends ?? NOTHING
    const link = sealingLink({ accountId, live }, last, {
      events: await rowsOf(EVENTS, after.events),
      transfers: await rowsOf(TRANSFERS, after.transfers),
      audit: await rowsOf(AUDIT, after.audit),
    })
    if (link) {
      const { number, ends, hash, at } = link
      await client.query(INSERT, [...own, number, ends.events, ends.transfers, ends.audit, hash, at])
    }
    await client.query('COMMIT')
    return link !== undefined
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}
