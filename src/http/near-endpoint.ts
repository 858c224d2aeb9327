/** The route that a wrong path was probably meant for. */
import { suggest } from '../suggest.ts'

/** What other APIs call our resources. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  payment: 'charges',
  payments: 'charges',
  payment_intents: 'charges',
  transactions: 'charges',
  transaction: 'charges',
  orders: 'charges',
  webhooks: 'webhook_deliveries',
  deliveries: 'webhook_deliveries',
  balances: 'balance',
  entries: 'ledger/entries',
  accounts: 'ledger/accounts',
  ledger: 'ledger/entries',
  rules: 'routing',
  healthz: 'health',
  healthcheck: 'health',
  status: 'health',
  ping: 'health',
  livez: 'health',
  readyz: 'ready',
  readiness: 'ready',
  swagger: 'docs',
  documentation: 'docs',
  'api-docs': 'docs',
}
/** Longer paths are not compared. */
const MAX_PATH = 200

/** One of the URLs, with `:id` where an id stands; undefined when none is near. `path` is without its query. */
export function nearEndpoint(path: string, urls: readonly string[]): string | undefined {
  if (path.length > MAX_PATH) return undefined
  const words = path
    .toLowerCase()
    .split('/')
    .filter((word) => word !== '' && word !== 'api' && !/^v\d$/.test(word))
    .map((word) => (/\d/.test(word) ? ':id' : word))
  const [first] = words
  if (first === undefined) return undefined
  const other = Object.hasOwn(OTHER_NAMES, first) ? OTHER_NAMES[first] : undefined
  const wanted = [...(other ? [other] : [first]), ...words.slice(1)].join('/')
  // Something done to one object, as in /charges/:id/refund, may be a resource of its own.
  const last = words.at(-1) as string
  const bare = new Map(urls.map((url) => [url.replace(/^\/(?:api\/v\d\/)?/, ''), url]))
  const names = [...bare.keys()].filter((name) => name !== '')
  const near =
    [wanted, ...(words.length > 1 ? [`${last}s`] : [])].find((name) => bare.has(name)) ??
    suggest(wanted, names)
  return near === undefined ? undefined : bare.get(near)
}
