/** A receiver of webhooks. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'
import type { Ends } from './folders.ts'
import { newSecret } from './simulator.ts'
import { onLoopback } from './sockets.ts'
import { PATIENCE_MS } from './until.ts'

export type ReceivedWebhook = {
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly at: number
}

export type Receiver = {
  readonly url: string
  readonly received: ReceivedWebhook[]
  /** The first of each webhook, in their order. */
  different(): ReceivedWebhook[]
  /**
   * Resolves when `count` different webhooks have arrived. Each comes at least once: a repetition does not count. Rejects
   * after three minutes, as does the next one.
   */
  waitFor(count: number): Promise<void>
  /** Resolves when `count` requests have arrived, with repetitions. */
  waitForRequests(count: number): Promise<void>
  close(): Promise<void>
}

/** A webhook receiver; `answer` chooses each response, 200 by default. */
export async function startReceiver(
  answer: (webhook: ReceivedWebhook, response: ServerResponse) => void = (_webhook, response) =>
    response.end('ok'),
): Promise<Receiver> {
  const received: ReceivedWebhook[] = []
  const names = new Set<string>()
  let requests = 0
  const counts = { different: () => names.size, requests: () => requests }
  const waiting: { count: number; of: keyof typeof counts; resolve: () => void }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const webhook = { headers: request.headers, body: Buffer.concat(chunks).toString(), at: Date.now() }
      received.push(webhook)
      requests++
      names.add(nameOf(webhook))
      for (const { count, of, resolve } of waiting) if (counts[of]() >= count) resolve()
      answer(webhook, response)
    })
  })
  const { url, close } = await onLoopback(server)
  return {
    url: `${url}/webhook`,
    received,
    different() {
      const seen = new Set<string>()
      return received.filter((one) => seen.size < seen.add(nameOf(one)).size)
    },
    waitFor: (count) => waitFor(count, 'different'),
    waitForRequests: (count) => waitFor(count, 'requests'),
    close,
  }

  function waitFor(count: number, of: keyof typeof counts): Promise<void> {
    if (counts[of]() >= count) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        const came = `${requests} requests with ${names.size} different webhooks`
        reject(new Error(`the receiver waits for ${count}, and got ${came} within three minutes`))
      }, PATIENCE_MS)
      const arrived = () => {
        clearTimeout(late)
        resolve()
      }
      waiting.push({ count, of, resolve: arrived })
    })
  }
}

/** The same for each attempt of a delivery. Requests that are no delivery differ by their body. */
function nameOf({ headers, body }: ReceivedWebhook): string {
  return String(headers['x-webhook-delivery'] ?? headers['webhook-id'] ?? body)
}

export type SignedReceiver = {
  /** The settings that send signed webhooks here. */
  readonly env: Readonly<Record<string, string>>
  /** Ids of the events whose webhooks arrived with a valid signature, and were accepted. */
  readonly told: ReadonlySet<string>
  /** Invalid webhooks, each as a sentence. */
  readonly refused: readonly string[]
}

/**
 * A receiver that checks each signature with the library that receivers use; `answer` responds, and calls `accept` if
 * the webhook counts as received.
 */
export async function startSignedReceiver(
  ends: Ends,
  answer: (response: ServerResponse, accept: () => void) => void,
): Promise<SignedReceiver> {
  const secret = newSecret()
  const webhook = new Webhook(secret)
  const told = new Set<string>()
  const refused: string[] = []
  const receiver = await startReceiver(({ headers, body }, response) => {
    // Keeps no bodies: this many would fill the process's memory.
    receiver.received.length = 0
    const id = String(headers['webhook-id'])
    try {
      webhook.verify(body, headers as Record<string, string>)
    } catch (error) {
      refused.push(`the webhook ${id} was not as it should be: ${error}`)
    }
    answer(response, () => told.add(id))
  })
  ends.add(receiver.close)
  return { env: { WEBHOOK_TARGET: receiver.url, MINIPAY_WEBHOOK_SECRET: secret }, told, refused }
}
