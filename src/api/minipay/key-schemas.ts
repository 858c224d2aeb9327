/** The schemas of API keys. */
import { MAX_NAME, MAX_NETWORKS, MAX_RATE } from '../../domain/access/new-key.ts'
import { PERMISSIONS, ROLES, type Role } from '../../domain/access/permissions.ts'
import {
  array,
  integer,
  named,
  nullable,
  object,
  oneOf,
  optional,
  type Static,
  strict,
  string,
} from '../../http/schema.ts'
import { accountId, endingBefore, keyId, limit, startingAfter, time } from './fields.ts'

const mode = oneOf(['test', 'live'], {
  description: 'Test keys reach providers in test mode only, and live keys those in live mode.',
})
export const role = named(
  'Role',
  oneOf(Object.keys(ROLES) as Role[], { description: 'A named set of permissions.' }),
)
export const permission = named(
  'Permission',
  oneOf(PERMISSIONS, {
    description: 'A resource, and what the key may do with it. `write` includes `read`.',
  }),
)
const name = string({
  maxLength: MAX_NAME,
  description: 'Your own name of the key: who or what uses it.',
  examples: ['Support desk'],
})
const network = string({
  maxLength: 64,
  description: 'Addresses in CIDR notation, or one address, of IPv4 or IPv6.',
  examples: ['203.0.113.0/24'],
})
const networks = { ...array(network), description: 'The addresses that may use the key. Null: all.' }
const rateLimit = integer({
  minimum: 1,
  maximum: MAX_RATE,
  description: "The most requests a second on each node. Null: the server's setting.",
  examples: [100],
})
const expiresAt = {
  ...time,
  maxLength: 40,
  description: 'From this RFC 3339 time on the key is refused. Null: it does not expire.',
}

const FIELDS = {
  id: keyId,
  account: accountId,
  mode,
  name,
  hint: string({
    description: 'The first and the last characters of the secret, to recognise it.',
    examples: ['mp_test_…x7Qb'],
  }),
  role: { ...nullable(role), description: 'The role of the key. Null: it has `permissions`.' },
  permissions: {
    ...nullable(array(permission)),
    description: 'The permissions of the key. Null: it has a `role`.',
  },
  networks: { ...nullable(networks), description: networks.description },
  rate_limit: { ...nullable(rateLimit), description: rateLimit['description'] },
  expires_at: { ...nullable(expiresAt), description: expiresAt.description },
  revoked_at: nullable({ ...time, description: 'When it was revoked.' }),
  rolled_to: nullable({ ...keyId, description: 'The id of its successor, once it was rolled.' }),
  created_at: { ...time, description: 'When it was made.' },
  created_by: string({
    description:
      'The id of the API key that made it; `keyless` for a request without a key; `cli` or `server` for the command line or the first start of a server.',
    examples: ['cli'],
  }),
  last_used_at: nullable({ ...time, description: 'When it was last used, to about a minute.' }),
}

export const ApiKey = named('ApiKey', object(FIELDS), 'An API key, without its secret.')
export type ApiKeyView = Static<typeof ApiKey>

export const ApiKeyWithSecret = named(
  'ApiKeyWithSecret',
  object({
    ...FIELDS,
    secret: string({
      description: 'The API key itself. MiniPay stores a hash of it only, so no later response has it.',
    }),
  }),
  'A new API key with its secret.',
)

const scopeParameters = {
  account: optional({
    ...accountId,
    maxLength: 64,
    description: 'Another account: for a live key of the first account with `accounts:write`.',
  }),
  mode: optional({ ...mode, description: 'The mode of the keys, if it is not your own.' }),
}

export const KeysQuery = strict({
  limit,
  starting_after: startingAfter,
  ending_before: endingBefore,
  ...scopeParameters,
})

export const CreateKeyBody = named(
  'CreateApiKeyRequest',
  strict({
    name,
    role: optional({ ...role, description: 'Give a role or `permissions`.' }),
    permissions: optional({ ...array(permission), description: 'Give permissions or a `role`.' }),
    networks: optional({ ...networks, minItems: 1, maxItems: MAX_NETWORKS }),
    rate_limit: optional(rateLimit),
    expires_at: optional(expiresAt),
    ...scopeParameters,
  }),
  'A new API key.',
)

export const RenameKeyBody = named('UpdateApiKeyRequest', strict({ name }), 'The new name of an API key.')

export const RollKeyBody = named(
  'RollApiKeyRequest',
  strict({
    overlap_seconds: optional(
      integer({
        minimum: 0,
        maximum: 2_592_000,
        default: 86_400,
        description: 'How long the old key still works, up to 30 days.',
        examples: [3600],
      }),
    ),
  }),
  'How long the old key still works.',
)
