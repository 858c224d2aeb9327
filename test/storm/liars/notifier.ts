/** Sends a provider's notifications, each until MiniPay accepts it, as the protocol requires. */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { signatureHeaders } from '../../../src/signing.ts'
import { limiter } from '../../kit/progress.ts'

export type Notifier = {
  /** Sends one, and again until it was stored or refused for good; `id` is new unless given. */
  tell(about: string, reference: string, id?: string): Promise<void>
  /** Sends something that no provider should send, once. */
  babble(body: string, signed: boolean): Promise<void>
  /** Resolves when nothing is being sent. */
  drained(): Promise<void>
  stop(): void
}

const AT_ONCE = 8
const RETRY_MS = 100

export function notifier(key: Buffer, target: () => string): Notifier {
  const inTurn = limiter(AT_ONCE)
  const sending = new Set<Promise<void>>()
  let stopped = false

  /** True when it need not be sent again. */
  async function post(body: string, headers: Record<string, string>): Promise<boolean> {
    try {
      const response = await fetch(target(), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
        signal: AbortSignal.timeout(10_000),
      })
      await response.body?.cancel()
      return response.ok || (response.status >= 400 && response.status < 500)
    } catch {
      return false
    }
  }

  function track(work: () => Promise<void>): Promise<void> {
    const done = work().finally(() => sending.delete(done))
    sending.add(done)
    return done
  }

  return {
    tell: (about, reference, id = randomUUID()) =>
      track(async () => {
        const body = JSON.stringify({ id, about, reference })
        while (!stopped) {
          if (await inTurn(() => post(body, signatureHeaders(key, id, Date.now(), body)))) return
          await pause(RETRY_MS)
        }
      }),
    babble: (body, signed) =>
      track(async () => {
        const id = randomUUID()
        const headers = signatureHeaders(signed ? key : Buffer.alloc(32), id, Date.now(), body)
        await inTurn(() => post(body, headers))
      }),
    async drained() {
      while (sending.size > 0) await Promise.all(sending)
    },
    stop() {
      stopped = true
    },
  }
}
