/** The provider `http` at a bank in a separate process, for the provider contract. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { NotificationSubject } from '../../../src/ports/provider.ts'
import { createHttpProvider } from '../../../src/providers/http.ts'
import { secretKey, signatureHeaders } from '../../../src/signing.ts'
import { tempDir } from '../../kit/folders.ts'
import { newSecret, type Simulator, startSimulator } from '../../kit/simulator.ts'
import { freePort } from '../../kit/sockets.ts'
import type { Opened, Peer } from './contract.ts'

export function httpProvider(url: string, secret: string, now?: () => number) {
  return createHttpProvider(
    'bank_a',
    {
      mode: 'test',
      url: new URL(url),
      secret: { text: secret, key: keyOf(secret) },
      deadlineMs: 20_000,
      concurrency: 8,
      capabilities: {
        idempotencyWindowMs: 23 * 3_600_000,
        lookup: 'final',
        void: true,
        partialCapture: true,
      },
    },
    now,
  )
}

export async function openBankProvider(): Promise<Opened> {
  const folder = tempDir()
  const bank = await startSimulator(join(folder.path, 'bank.db'))
  const provider = httpProvider(bank.url, bank.secret)
  return {
    provider,
    peer: bankPeer(bank),
    unreachable: async () => httpProvider(`http://127.0.0.1:${await freePort()}`, bank.secret),
    async close() {
      await provider.close()
      await bank.stop()
      folder.remove()
    },
  }
}

function keyOf(secret: string): Buffer {
  const key = secretKey(secret)
  if (!key) throw new Error('not a secret')
  return key
}

function bankPeer(bank: Simulator): Peer {
  return {
    tokens: {
      succeeds: 'tok_visa',
      insufficientFunds: 'tok_chargeDeclinedInsufficientFunds',
      unknownDecline: 'tok_unknown_decline',
      redirects: 'tok_requires_action',
      echoes: 'tok_echo',
    },
    unknownDeclineCode: 'martian_card',
    secrets: [bank.secret, bank.secret.slice('whsec_'.length)],
    arm: (operation, fault) => bank.arm(operation, fault),
    calls: async (operation) => (await bank.calls()).received[operation],
    received: (operation, atLeast) => bank.waitFor('received', operation, atLeast),
    async payments() {
      const { payments } = await bank.statement()
      return payments.map(({ payment, reference, ...rest }) => ({
        ...rest,
        reference: payment,
        attemptId: reference,
      }))
    },
    finish: async () => void (await bank.control('POST', '/finish')),
    confirm: async (payment, approve) =>
      void (await bank.control('POST', `/confirm/${payment}`, { approve })),
    failRefund: async (refund) => void (await bank.control('POST', `/refunds/${refund}/fail`)),
    expire: async (payment) => void (await bank.control('POST', `/payments/${payment}/expire`)),
    async openDispute(payment) {
      return (await bank.control<{ dispute: string }>('POST', '/disputes', { payment })).dispute
    },
    endDispute: async (dispute, status) =>
      void (await bank.control('POST', `/disputes/${dispute}`, { status })),
    notification(subject, { id = `ntf_${randomUUID()}`, sentAt = Date.now(), forged = false } = {}) {
      const body = JSON.stringify({ id, ...subjectFields(subject) })
      const key = keyOf(forged ? newSecret() : bank.secret)
      return { body: Buffer.from(body), headers: signatureHeaders(key, id, sentAt, body) }
    },
    heard: async () => [],
  }
}

function subjectFields(subject: NotificationSubject): object {
  if (subject.about === 'nothing') return { about: 'weather', reference: 'sun' }
  const { about } = subject
  return { about, reference: about === 'attempt' ? subject.attemptId : subject.reference }
}
