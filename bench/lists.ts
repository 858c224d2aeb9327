/** Every list of the store by every filter. */
import { KEYLESS_SCOPE as SCOPE, type Store } from '../src/ports/store.ts'
import { onDatabase } from '../test/kit/postgres.ts'

/** Values from the middle of a history, as filters. */
export type Sample = {
  readonly charge: string
  readonly customer: string
  readonly createdAt: number
  readonly refund: string
  readonly refunded: string
  readonly delivery: string
  readonly attempt: string
  readonly attempted: string
  readonly dispute: string
  readonly disputed: string
  readonly event: number
  readonly entry: number
}

export async function sampleOf(url: string): Promise<Sample> {
  return onDatabase(url, async (client) => {
    const middle = async (table: string, order = 'id') => {
      const offset = `(SELECT count(*) / 2 FROM ${table})`
      const { rows } = await client.query(`SELECT * FROM ${table} ORDER BY ${order} OFFSET ${offset} LIMIT 1`)
      return rows[0]
    }
    const charge = await middle('charges')
    const refund = await middle('refunds')
    const attempt = await middle('attempts')
    const dispute = await middle('disputes')
    return {
      charge: charge.id,
      customer: charge.customer,
      createdAt: Number(charge.created_at),
      refund: refund.id,
      refunded: refund.transaction_id,
      delivery: (await middle('webhook_deliveries')).id,
      attempt: attempt.id,
      attempted: attempt.transaction_id,
      dispute: dispute.id,
      disputed: dispute.transaction_id,
      event: Number((await middle('events', 'seq')).seq),
      entry: 2 * Number((await middle('ledger_transfers', 'seq')).seq),
    }
  })
}

type Reads = Pick<
  Store,
  | 'balances'
  | 'charges'
  | 'refunds'
  | 'disputes'
  | 'dueDisputes'
  | 'attempts'
  | 'events'
  | 'webhookDeliveries'
  | 'webhookDeliveryTotals'
  | 'attemptTotals'
  | 'ledgerEntries'
>
export type Read = (store: Reads, sample: Sample) => Promise<unknown>

const limit = 20
/** Rows that a search looks at; a scan of the table would touch far more pages. */
const most = 1_000

/** Of charges and refunds. */
const PAGES = (list: 'charges' | 'refunds', id: 'charge' | 'refund'): Record<string, Read> => ({
  [list]: (store) => store[list](SCOPE, { limit }),
  [`${list} after one`]: (store, sample) => store[list](SCOPE, { limit, startingAfter: sample[id] }),
  [`${list} before one`]: (store, sample) => store[list](SCOPE, { limit, endingBefore: sample[id] }),
  [`${list} of a customer`]: (store, { customer }) => store[list](SCOPE, { limit, customer }),
  [`${list} in a currency`]: (store) => store[list](SCOPE, { limit, currency: 'usd' }),
  [`${list} in a rarer currency`]: (store) => store[list](SCOPE, { limit, currency: 'eur' }),
  [`${list} in a currency that has none`]: (store) => store[list](SCOPE, { limit, currency: 'jpy' }),
  [`${list} until a time`]: (store, { createdAt }) =>
    store[list](SCOPE, { limit, createdUntil: createdAt + 1 }),
  [`${list} from a time until another`]: (store, { createdAt }) =>
    store[list](SCOPE, { limit, createdFrom: createdAt, createdUntil: createdAt + 1 }),
  [`${list} of a customer in a currency`]: (store, { customer }) =>
    store[list](SCOPE, { limit, customer, currency: 'eur' }),
  [`${list} in a currency after one`]: (store, sample) =>
    store[list](SCOPE, { limit, currency: 'eur', startingAfter: sample[id] }),
})

export const LISTS: Readonly<Record<string, Read>> = {
  balance: (store) => store.balances(SCOPE),
  ...PAGES('charges', 'charge'),
  'charges that succeeded': (store) => store.charges(SCOPE, { limit, status: 'succeeded' }),
  'charges that failed': (store) => store.charges(SCOPE, { limit, status: 'failed' }),
  'charges that are processing': (store) => store.charges(SCOPE, { limit, status: 'processing' }),
  'charges of a customer that failed': (store, { customer }) =>
    store.charges(SCOPE, { limit, customer, status: 'failed' }),
  'charges in a currency that succeeded': (store) =>
    store.charges(SCOPE, { limit, currency: 'eur', status: 'succeeded' }),
  'charges that failed, after one': (store, { charge }) =>
    store.charges(SCOPE, { limit, status: 'failed', startingAfter: charge }),
  'charges that failed or were refunded': (store) =>
    store.charges(SCOPE, { limit, status: ['failed', 'refunded', 'processing'] }),
  'charges that failed or succeeded': (store) =>
    store.charges(SCOPE, { limit, most, status: ['failed', 'succeeded'] }),
  'charges at a provider': (store) => store.charges(SCOPE, { limit, most, provider: 'bank' }),
  'charges at a provider that has none': (store) => store.charges(SCOPE, { limit, most, provider: 'none' }),
  'charges with a decline code': (store) =>
    store.charges(SCOPE, { limit, most, declineCode: 'do_not_honor' }),
  'charges with a decline code that none has': (store) =>
    store.charges(SCOPE, { limit, most, declineCode: 'none' }),
  'charges of an amount that none has': (store) => store.charges(SCOPE, { limit, most, amountFrom: 1e15 }),
  'charges of an amount that none has, before one': (store, { charge }) =>
    store.charges(SCOPE, { limit, most, amountFrom: 1e15, endingBefore: charge }),
  'charges that failed, of an amount that none has': (store) =>
    store.charges(SCOPE, { limit, most, status: ['failed', 'refunded'], amountFrom: 1e15 }),
  ...PAGES('refunds', 'refund'),
  'refunds of an amount that none has': (store) => store.refunds(SCOPE, { limit, most, amountFrom: 1e15 }),
  'refunds of a charge': (store, { refunded: transactionId }) =>
    store.refunds(SCOPE, { limit, chargeId: transactionId }),
  'refunds that succeeded': (store) => store.refunds(SCOPE, { limit, status: 'refunded' }),
  'refunds that failed': (store) => store.refunds(SCOPE, { limit, status: 'failed' }),
  events: (store) => store.events(SCOPE, { limit, after: 0 }),
  'events after one': (store, { event: after }) => store.events(SCOPE, { limit, after }),
  'events of successes after one': (store, { event: after }) =>
    store.events(SCOPE, { limit, after, types: ['payment.succeeded'] }),
  'events of failures after one': (store, { event: after }) =>
    store.events(SCOPE, { limit, after, types: ['payment.failed'] }),
  'ledger entries': (store) => store.ledgerEntries(SCOPE, { limit }),
  'ledger entries before one': (store, { entry: before }) => store.ledgerEntries(SCOPE, { limit, before }),
  'ledger entries of a charge': (store, { charge: transactionId }) =>
    store.ledgerEntries(SCOPE, { limit, transactionId }),
  'ledger entries of an account': (store) => store.ledgerEntries(SCOPE, { limit, account: 'provider:bank' }),
  'ledger entries in a currency': (store) => store.ledgerEntries(SCOPE, { limit, currency: 'eur' }),
  deliveries: (store) => store.webhookDeliveries(SCOPE, { limit }),
  'deliveries after one': (store, { delivery }) =>
    store.webhookDeliveries(SCOPE, { limit, startingAfter: delivery }),
  'deliveries that failed': (store) => store.webhookDeliveries(SCOPE, { limit, state: 'failed' }),
  'totals of deliveries': (store) => store.webhookDeliveryTotals(),
  attempts: (store) => store.attempts(SCOPE, { limit }),
  'attempts after one': (store, { attempt }) => store.attempts(SCOPE, { limit, startingAfter: attempt }),
  'attempts of a charge': (store, { attempted: transactionId }) =>
    store.attempts(SCOPE, { limit, chargeId: transactionId }),
  'attempts that succeeded': (store) => store.attempts(SCOPE, { limit, states: ['succeeded'] }),
  'attempts that were declined': (store) => store.attempts(SCOPE, { limit, states: ['declined'] }),
  'attempts that are unknown': (store) => store.attempts(SCOPE, { limit, states: ['unknown'] }),
  'attempts that are open, the oldest first': (store) =>
    store.attempts(SCOPE, { limit, states: ['sending', 'pending', 'unknown'], oldestFirst: true }),
  'attempts that failed at a provider': (store) =>
    store.attempts(SCOPE, { limit, states: ['declined', 'not_sent', 'unknown'], provider: 'bank_a' }),
  'totals of attempts': (store) => store.attemptTotals(Date.now()),
  disputes: (store) => store.disputes(SCOPE, { limit }),
  'disputes that are due': (store) => store.dueDisputes(SCOPE, { limit, dueBefore: Number.MAX_SAFE_INTEGER }),
  'disputes after one': (store, { dispute }) => store.disputes(SCOPE, { limit, startingAfter: dispute }),
  'disputes of a charge': (store, { disputed: transactionId }) =>
    store.disputes(SCOPE, { limit, chargeId: transactionId }),
}
