/** Commits as the use cases make them, with a clock that is counted by hand: one millisecond a commit. */
import test from 'node:test'
import {
  type Charge,
  type Decision,
  decideCharge,
  decideRefund,
  type Refund,
} from '../../src/domain/charge.ts'
import { idFactory } from '../../src/domain/id.ts'
import type { Claim, ClaimedDelivery, Commit, Scope, Store } from '../../src/ports/store.ts'

/** A store on an empty database in which two accounts exist. */
export type OpenStore = {
  readonly store: Store
  readonly accounts: readonly [number, number]
  /** Closes the store and removes its database. */
  discard(): Promise<void>
}
export type Open = () => Promise<OpenStore>

/** Three scopes that must never see each other: two modes of one account, and another account. */
export type Scopes = { readonly live: Scope; readonly test: Scope; readonly other: Scope }

/** A rule of the port as a test with a store of its own. */
export function rule(open: Open, name: string, body: (store: Store, scopes: Scopes) => Promise<void>): void {
  test(name, async () => {
    const { store, accounts, discard } = await open()
    const [accountId, otherId] = accounts
    try {
      await body(store, {
        live: { accountId, mode: 'live' },
        test: { accountId, mode: 'test' },
        other: { accountId: otherId, mode: 'live' },
      })
    } finally {
      await discard()
    }
  })
}

export const START = Date.UTC(2027, 0, 1)
let clock = START

/** The next millisecond. */
export function tick(): number {
  return ++clock
}
export const newId = idFactory(
  () => clock,
  () => 0n,
)

type Options = { scope: Scope; key?: string; endpoints?: readonly string[]; at?: number }

/** Options of a charge beside whose it is; a `declined` one failed. */
export type ChargeOptions = Options & {
  amount?: number
  currency?: string
  customer?: string
  declined?: boolean
}

export function chargeCommit(options: ChargeOptions): Commit {
  const at = options.at ?? tick()
  const id = newId('txn')
  const key = options.key ?? `key-of-${id}`
  const decision = decideCharge(
    {
      amount: options.amount ?? 1_000,
      currency: options.currency ?? 'usd',
      customer: options.customer ?? 'cus_1',
      paymentMethod: 'tok_visa',
      description: 'a test',
      metadata: { order: id },
    },
    'sandbox',
    options.declined
      ? { kind: 'declined', declineCode: 'insufficient_funds', message: 'No.' }
      : { kind: 'succeeded', reference: `ref_${id}` },
    { id, now: at, idempotencyKey: key },
  )
  return commitOf(decision, options, key, at)
}

/** A refund decided on `charge` as it was read. */
export function refundCommit(charge: Charge, options: Options & { amount?: number }): Commit {
  const at = options.at ?? tick()
  const id = newId('re')
  const key = options.key ?? `key-of-${id}`
  const amount = options.amount ?? charge.amount - charge.amountRefunded
  const command = { amount, reason: 'requested_by_customer', description: null, metadata: { note: id } }
  return commitOf(
    decideRefund(charge, command, amount, { id, now: at, idempotencyKey: key }),
    options,
    key,
    at,
  )
}

function commitOf(decision: Decision, { scope, endpoints = [] }: Options, key: string, at: number): Commit {
  const { charge, refund, postings, counts } = decision
  const data = JSON.stringify({ charge: charge.id, refund: refund?.id ?? null })
  return {
    scope,
    at,
    key: { key, fingerprint: `fingerprint of ${key}`, answer: { kind: 'created', body: data } },
    charge,
    refund,
    postings,
    event: { id: newId('evt'), type: decision.event, data },
    deliveries: endpoints.map((endpoint) => ({ id: newId('dlv'), endpoint })),
    counts,
  }
}

/** Commits one charge that must succeed, and answers it. */
export async function charged(store: Store, options: ChargeOptions): Promise<Charge> {
  const commit = chargeCommit(options)
  await committed(store, commit)
  return commit.charge
}

/** Commits one refund that must succeed, and answers it with the charge as it became. */
export async function refunded(
  store: Store,
  charge: Charge,
  options: Options & { amount?: number },
): Promise<{ charge: Charge; refund: Refund }> {
  const commit = refundCommit(charge, options)
  await committed(store, commit)
  return { charge: commit.charge, refund: commit.refund as Refund }
}

export async function committed(store: Store, commit: Commit): Promise<void> {
  const result = await store.commit(commit)
  if (result.kind !== 'committed') throw new Error(`not committed: ${JSON.stringify(result)}`)
}

/** Everything a scope can be asked for, to compare before and after what must change nothing. */
export async function everything(store: Store, scope: Scope) {
  return {
    charges: await store.charges(scope, { limit: 100 }),
    refunds: await store.refunds(scope, { limit: 100 }),
    events: await store.events(scope, { after: 0, limit: 100 }),
    entries: await store.ledgerEntries(scope, { limit: 100 }),
    accounts: await store.ledgerAccounts(scope),
    totals: await store.currencyTotals(scope),
    deliveries: await store.deliveries(scope, { limit: 100 }),
    deliveryTotals: await store.deliveryTotals(),
  }
}

let tokens = 0

/** Claims for a lease of one second from `now`, with a token of its own. */
export function claim(store: Store, options: Partial<Claim> & { now: number }): Promise<ClaimedDelivery[]> {
  return store.claimDeliveries({
    endpoint: 'default',
    limit: 10,
    leaseUntil: options.now + 1_000,
    token: `token-${++tokens}`,
    ...options,
  })
}
