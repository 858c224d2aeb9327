/** A receiver of webhooks. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'
import type { Ends } from './folders.ts'
import { newSecret } from './simulator.ts'
import { onLoopback } from './sockets.ts'

export type ReceivedWebhook = {
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly at: number
}

export type Receiver = {
  readonly url: string
  readonly received: ReceivedWebhook[]
  /** Resolves when `count` webhooks have arrived. */
  waitFor(count: number): Promise<void>
  close(): Promise<void>
}

/** A webhook receiver; `answer` chooses each response, 200 by default. */
export async function startReceiver(
  answer: (webhook: ReceivedWebhook, response: ServerResponse) => void = (_webhook, response) =>
    response.end('ok'),
): Promise<Receiver> {
  const received: ReceivedWebhook[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const webhook = { headers: request.headers, body: Buffer.concat(chunks).toString(), at: Date.now() }
      received.push(webhook)
      for (const waiter of waiting) if (received.length >= waiter.count) waiter.resolve()
      answer(webhook, response)
    })
  })
  const { url, close } = await onLoopback(server)
  return {
    url: `${url}/webhook`,
    received,
    waitFor(count) {
      if (received.length >= count) return Promise.resolve()
      return new Promise((resolve) => waiting.push({ count, resolve }))
    },
    close,
  }
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
