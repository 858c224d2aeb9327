/** Checks whether the books are sound, and agree with the banks. */
import assert from 'node:assert/strict'
import { engineOf } from '../../src/storage/engine.ts'
import { all, type Charge } from './client.ts'
import { onEngine } from './server.ts'
import type { World } from './world.ts'

/**
 * The problem of a database's books; empty if there is none. It finds what `minipay verify` finds, whose process would take
 * longer to start than to verify the books of a test.
 */
export async function faultsOf(database: string): Promise<string> {
  const { problem, chainProblem } = await (await engineOf(await onEngine(database))).verify()
  return [problem, chainProblem].filter((one) => one !== undefined).join(' ')
}

/** Fails unless `minipay verify` finds the books sound. */
export async function assertSound(database: string): Promise<void> {
  assert.equal(await faultsOf(database), '')
}

/** MiniPay's status of a payment, by the bank's status. */
const STATUSES: Readonly<Record<string, readonly string[]>> = {
  pending: ['processing'],
  requires_action: ['requires_action'],
  authorized: ['authorized'],
  captured: ['succeeded', 'partially_refunded', 'refunded'],
  canceled: ['canceled'],
  // A person recorded the failure, against the bank, which then released the payment.
  expired: ['canceled', 'failed'],
  declined: ['failed'],
}

/** Fails unless `minipay verify`, every charge and the ledger agree with the banks' statements. */
export async function assertAgreement(
  { server, api, bank, balances }: Pick<World, 'server' | 'api' | 'bank' | 'balances'>,
  names: readonly string[],
  at: ReadonlyMap<string, string>,
): Promise<void> {
  await assertSound(server.database)
  const charges = new Map((await all<Charge>(api, '/api/v1/charges')).map((charge) => [charge.id, charge]))
  const taken = new Set<string>()
  for (const name of names)
    for (const payment of (await bank(name).statement()).payments) {
      const charge = charges.get(payment.transaction_id)
      const where = `${name} says ${JSON.stringify(payment)}, we ${JSON.stringify(charge)}`
      assert.ok(charge, where)
      if (at.get(charge.provider) !== name || charge.provider_reference !== payment.payment) {
        assert.match(payment.status, /^(declined|canceled|expired)$/, where)
        continue
      }
      assert.ok(!taken.has(charge.id), `paid twice: ${where}`)
      taken.add(charge.id)
      assert.ok(STATUSES[payment.status]?.includes(charge.status), where)
      assert.deepEqual(
        [
          charge.amount,
          charge.currency,
          charge.amount_captured,
          charge.amount_refunded,
          charge.amount_disputed,
        ],
        [payment.amount, payment.currency, payment.captured, payment.refunded, payment.disputed],
        where,
      )
    }
  for (const charge of charges.values())
    if (at.has(charge.provider) && /^(authorized|succeeded|partially_refunded|refunded)$/.test(charge.status))
      assert.ok(taken.has(charge.id), `no bank has ${JSON.stringify(charge)}`)
  await assertLedger(await balances(), bank, names, at)
}

/** The ledger's total at a bank's providers equals the bank's. */
async function assertLedger(
  ours: Record<string, number>,
  bank: World['bank'],
  names: readonly string[],
  at: ReadonlyMap<string, string>,
): Promise<void> {
  for (const name of names) {
    const { payments } = await bank(name).statement()
    const instances = [...at].flatMap(([provider, where]) => (where === name ? [provider] : []))
    for (const currency of new Set(payments.map((payment) => payment.currency))) {
      const own = payments.filter((payment) => payment.currency === currency)
      const has = (account: string) =>
        instances.reduce((sum, provider) => sum + (ours[`${account}:${provider} ${currency}`] ?? 0), 0)
      assert.deepEqual(
        [has('provider') + has('refunds') + has('disputes'), has('authorized')],
        [
          own.reduce((sum, { captured, refunded, disputed }) => sum + captured - refunded - disputed, 0),
          own.reduce((sum, { status, amount }) => sum + (status === 'authorized' ? amount : 0), 0),
        ],
        `${name} ${currency}`,
      )
    }
  }
}
