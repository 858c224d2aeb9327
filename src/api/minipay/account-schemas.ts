/** The schemas of accounts. */
import { MAX_NAME } from '../../domain/access/new-key.ts'
import { named, nullable, object, type Static, strict, string } from '../../http/schema.ts'
import { accountId, limit, startingAfter, time } from './fields.ts'

const name = string({
  maxLength: MAX_NAME,
  description: 'Your own name of the account.',
  examples: ['Shop in Lisbon'],
})

export const Account = named(
  'Account',
  object({
    id: accountId,
    name,
    created_at: { ...time, description: 'When it was made.' },
    closed_at: nullable({
      ...time,
      description: 'When it was closed. From then on, MiniPay refuses its keys.',
    }),
  }),
  'An account: its charges, keys, rules and books are apart from those of other accounts.',
)
export type AccountView = Static<typeof Account>

export const AccountsQuery = strict({ limit, starting_after: startingAfter })
export const CreateAccountBody = named('CreateAccountRequest', strict({ name }), 'A new account.')
export const UpdateAccountBody = named(
  'UpdateAccountRequest',
  strict({ name }),
  'The new name of an account.',
)
