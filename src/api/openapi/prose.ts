/** The OpenAPI document's text about the API as a whole. */

export const DESCRIPTION = `MiniPay is a payment orchestration server: several payment providers behind one API.

Amounts are integers of minor units. Send an \`Idempotency-Key\` with every request that moves money, and repeat the request with the same key until you get a response. MiniPay carries it out once.

Send an API key with every request: \`Authorization: Bearer mp_test_…\`, or HTTP Basic with the key as the user name. A key belongs to an account and a mode, and the request sees nothing of others. Each operation names the permission that it needs. On the loopback address MiniPay needs no key until the first one is made; such requests are in test mode.

MiniPay refuses a request with an unknown field or query parameter. Later versions may add fields to responses and webhooks: ignore those that you do not know. Every path with \`GET\` also accepts \`HEAD\`. Web pages may call the API from those origins only that the setting \`--allowed-origins\` names; none by default. An unknown path returns 404 \`route_not_found\`. An unsupported method returns 405 \`method_not_allowed\` with an \`Allow\` header.`

/** Every tag of the endpoints, with its description. */
export const TAGS = [
  { name: 'Charges', description: 'Take money from a customer, at once or in two steps.' },
  { name: 'Refunds', description: 'Give the money of a charge back, wholly or in part.' },
  { name: 'Ledger', description: 'Read the double-entry ledger and its balances.' },
  {
    name: 'Events and webhooks',
    description: 'Read every change as an event, receive it as a webhook, and retry webhooks that failed.',
  },
  {
    name: 'Providers',
    description:
      'Follow calls to payment providers, resolve those with an unknown outcome, and handle disputes and alarms.',
  },
  { name: 'Routing', description: 'Choose the provider of each charge by rules.' },
  {
    name: 'API keys',
    description: 'Give programs and people keys with the permissions that they need, and take them back.',
  },
  { name: 'Accounts', description: 'Keep several shops apart on one server.' },
  { name: 'Operations', description: 'Watch the process.' },
]

/** How a request carries its API key. The names of permissions are in the place of roles (OpenAPI 3.1, 4.8.30). */
export const SECURITY_SCHEMES = {
  ApiKey: { type: 'http', scheme: 'bearer', description: 'An API key: `Authorization: Bearer mp_test_…`.' },
  ApiKeyAsUserName: {
    ...{ type: 'http', scheme: 'basic' },
    description: 'HTTP Basic with an API key as the user name and an empty password.',
  },
} as const
