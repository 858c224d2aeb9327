/** `minipay trigger`: makes real events in test mode, by requests to the API. */
import type { ChargeView } from '../api/minipay/charge-schemas.ts'
import type { EventView } from '../api/minipay/event-schemas.ts'
import { ConfigError } from '../config.ts'
import { EVENT_TYPES, type EventType } from '../domain/event.ts'
import { didYouMean } from '../suggest.ts'
import { type ApiClient, ApiError } from './api.ts'

type Recipe = {
  /** The requests, in words. */
  readonly steps: string
  /** Makes the event; returns the id of its charge. */
  readonly run: (api: ApiClient) => Promise<string>
}

const charge =
  (fields: object = {}) =>
  async (api: ApiClient) => {
    const order = { amount: 2500, currency: 'usd', customer: 'cus_trigger', ...fields }
    return (await api.post<ChargeView>('/api/v1/charges', order)).id
  }
const hold = charge({ capture: false })

/** A decline has a status of its own, and the failed charge. */
async function declined(api: ApiClient): Promise<string> {
  try {
    return await charge({ payment_method: 'tok_chargeDeclined' })(api)
  } catch (error) {
    const failed =
      error instanceof ApiError ? (error.body as { charge?: ChargeView } | null)?.charge : undefined
    if (!failed) throw error
    return failed.id
  }
}

/** The events that the sandbox can make. */
const RECIPES: Readonly<Partial<Record<EventType, Recipe>>> = {
  'payment.succeeded': { steps: 'charges 25.00 usd', run: charge() },
  'payment.failed': { steps: 'charges a payment method that is declined', run: declined },
  'payment.refunded': {
    steps: 'charges 25.00 usd and refunds it',
    async run(api) {
      const id = await charge()(api)
      await api.post('/api/v1/refunds', { transaction_id: id })
      return id
    },
  },
  'payment.authorized': { steps: 'holds 25.00 usd', run: hold },
  'payment.canceled': {
    steps: 'holds 25.00 usd and cancels it',
    async run(api) {
      const id = await hold(api)
      await api.post(`/api/v1/charges/${id}/cancel`, {})
      return id
    },
  },
}

/** Prints the types that it can make. */
export function triggerList(): number {
  for (const [type, { steps }] of Object.entries(RECIPES)) console.log(`${type.padEnd(20)} ${steps}`)
  console.log(
    '\nThe other types need a provider that fails, disputes or asks the customer: see docs/simulator.md.',
  )
  return 0
}

/**
 * Makes an event of a type, and prints the events that came of it. Returns the exit status: 1 if the event is not among
 * them, because the routing rules chose a provider that does something else. `key` is the API key or null. Throws a
 * `ConfigError` for a live key, and for a type that it cannot make.
 */
export async function trigger(api: ApiClient, key: string | null, type: string): Promise<number> {
  if (key !== null && !key.startsWith('mp_test_'))
    throw new ConfigError(
      'minipay trigger makes charges, so it needs a key of test mode (mp_test_…) or none.',
    )
  const recipe = recipeOf(type)
  const id = await recipe.run(api)
  const { data } = await api.get<{ readonly data: readonly EventView[] }>(
    `/api/v1/events?object=${id}&type=${type}&wait=10`,
  )
  for (const event of data) console.log(`${event.type}  ${event.id}  ${id}`)
  if (data.length > 0) return 0
  console.error(`There is no ${type} of ${id} yet: see minipay routing, which chooses its provider.`)
  return 1
}

function recipeOf(type: string): Recipe {
  const recipe = Object.hasOwn(RECIPES, type) ? RECIPES[type as EventType] : undefined
  if (recipe) return recipe
  const why = Object.hasOwn(EVENT_TYPES, type)
    ? `The sandbox cannot make ${type}.`
    : `There is no event type "${type}".${didYouMean(type, Object.keys(EVENT_TYPES))}`
  throw new ConfigError(`${why} See minipay trigger --list.`)
}
