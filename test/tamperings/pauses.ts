/** Changes of paused providers. */
import type { Tampering } from './sql.ts'

const NOT_AS_LOGGED = (name: string) =>
  new RegExp(`^The pause of the provider ${name} is not as the audit log says\\.$`)
const INSERT = `
  INSERT INTO provider_pauses (account_id, live, provider, all_accounts, reason, paused_by, paused_at)
  SELECT account_id, live, 'bank_b', 0, reason, paused_by, paused_at FROM provider_pauses WHERE provider = 'bank_a'`

export const PAUSES: readonly Tampering[] = [
  {
    what: 'the reason of a pause',
    sql: `UPDATE provider_pauses SET reason = 'other' WHERE provider = 'bank_a'`,
    says: NOT_AS_LOGGED('bank_a'),
  },
  {
    what: 'who paused a provider for all accounts',
    sql: `UPDATE provider_pauses SET paused_by = 'somebody' WHERE provider = 'bank_b'`,
    says: NOT_AS_LOGGED('bank_b'),
  },
  {
    what: 'a pause for all accounts that is of one account now',
    sql: `UPDATE provider_pauses SET all_accounts = 0 WHERE provider = 'bank_b'`,
    says: NOT_AS_LOGGED('bank_b'),
  },
  { what: 'a pause that was inserted', sql: INSERT, says: NOT_AS_LOGGED('bank_b') },
  {
    what: 'a pause deleted',
    sql: `DELETE FROM provider_pauses WHERE provider = 'bank_a'`,
    says: /^The audit log says that the provider bank_a is paused, and there is no pause\.$/,
  },
  {
    what: 'a pause for all accounts deleted',
    sql: `DELETE FROM provider_pauses WHERE provider = 'bank_b'`,
    says: /^The audit log says that the provider bank_b is paused, and there is no pause\.$/,
  },
]
