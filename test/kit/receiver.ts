/** A receiver of webhooks. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

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

/** A webhook receiver; `answer` decides how each is answered, 200 by default. */
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`,
    received,
    waitFor(count) {
      if (received.length >= count) return Promise.resolve()
      return new Promise((resolve) => waiting.push({ count, resolve }))
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
