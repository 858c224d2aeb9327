/** The sandbox in process. It stores nothing and uses no network, so only a part of the contract applies. */
import type { FollowUpCall, RemoteProvider } from '../../../src/ports/provider.ts'
import { createSandbox } from '../../../src/providers/sandbox.ts'
import { type Opened, type Peer, type PeerPayment, providerContract } from './contract.ts'

/** The sandbox behind the interface of a remote provider, with a record of its responses. */
function open(): Opened {
  const sandbox = createSandbox('sandbox')
  const payments = new Map<string, PeerPayment>()
  const unused = (): never => {
    throw new Error('the sandbox in process has no such thing')
  }
  /** Records how a successful call changed its payment. */
  const noted =
    (operation: 'capture' | 'cancel' | 'refund', change: (payment: PeerPayment, amount: number) => object) =>
    async (call: FollowUpCall) => {
      const outcome = sandbox[operation](call)
      const payment = payments.get(call.paymentReference)
      if (outcome.kind === 'succeeded' && payment)
        payments.set(payment.reference, { ...payment, ...change(payment, outcome.amount) })
      return outcome
    }
  const provider: RemoteProvider = {
    ...sandbox,
    remote: true,
    deadlineMs: 1_000,
    concurrency: 1,
    async authorize(call) {
      const outcome = sandbox.authorize(call, Date.now())
      if (outcome.kind !== 'succeeded') return outcome
      const { reference, amount, currency } = outcome
      const captured = call.capture ? amount : 0
      const { attemptId } = call
      payments.set(reference, {
        reference,
        attemptId,
        amount,
        currency,
        captured,
        refunded: 0,
        canceled: false,
      })
      return outcome
    },
    capture: noted('capture', (_payment, amount) => ({ captured: amount })),
    cancel: noted('cancel', () => ({ canceled: true })),
    refund: noted('refund', ({ refunded }, amount) => ({ refunded: refunded + amount })),
    lookup: unused,
    dispute: unused,
    notification: unused,
    close: async () => {},
  }
  return { provider, peer: peer(payments, unused), unreachable: unused, close: async () => {} }
}

function peer(payments: ReadonlyMap<string, PeerPayment>, unused: () => never): Peer {
  return {
    tokens: {
      succeeds: 'tok_visa',
      insufficientFunds: 'tok_chargeDeclinedInsufficientFunds',
      unknownDecline: '',
      redirects: '',
      echoes: '',
    },
    unknownDeclineCode: '',
    secrets: [],
    payments: async () => [...payments.values()],
    arm: unused,
    calls: unused,
    received: unused,
    finish: unused,
    confirm: unused,
    failRefund: unused,
    expire: unused,
    openDispute: unused,
    endDispute: unused,
    notification: unused,
    heard: unused,
  }
}

const IN_PROCESS = 'it decides in process: there is no network, and nothing that comes later'
const KEEPS_NOTHING = 'it keeps nothing, so there is nothing to look up'

providerContract('sandbox', async () => open(), {
  network: IN_PROCESS,
  late: IN_PROCESS,
  redirect: IN_PROCESS,
  wrong_answers: IN_PROCESS,
  refund_failure: IN_PROCESS,
  disputes: IN_PROCESS,
  notifications: IN_PROCESS,
  lookup: KEEPS_NOTHING,
  expiry: KEEPS_NOTHING,
  unknown_decline: 'every code that it declines with is in our table',
  echo: 'it has no secret',
  heard: 'it has no secret',
})
