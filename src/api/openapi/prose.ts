/** What the OpenAPI document says of the API as a whole. */

export const DESCRIPTION = `MiniPay is a payment orchestration server: several payment providers behind one API.

Amounts are integers of minor units. Send an \`Idempotency-Key\` with every request that moves money, and repeat the request with the same key until you have an answer: MiniPay does it once.

There is no authentication yet. MiniPay listens on the loopback address unless you say otherwise; let only your own services reach it.

A request with an unknown field or query parameter is refused. Answers and webhooks may get new fields: ignore those that you do not know. Every \`GET\` answers \`HEAD\`, too, and \`OPTIONS\` answers a preflight: pages of any origin may call. A path that does not exist answers 404 with \`route_not_found\`, and a method that a path does not have answers 405 with \`method_not_allowed\` and an \`Allow\` header.`

/** Every tag of the routes, with what it is about. */
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
  { name: 'Operations', description: 'Watch the process.' },
]
