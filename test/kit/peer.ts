/** A processor whose every response the test writes. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Peer = {
  readonly url: string
  /** What was asked, oldest first. */
  readonly asked: { readonly operation: string; readonly body: Readonly<Record<string, unknown>> }[]
  close(): Promise<void>
}

/** A processor whose answers the test writes: what it returns is answered as JSON with status 200. */
export async function startPeer(
  answer: (operation: string, body: Readonly<Record<string, unknown>>) => object | Promise<object>,
): Promise<Peer> {
  const asked: Peer['asked'] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Peer['asked'][number]['body']
    const operation = (request.url ?? '').slice(1)
    asked.push({ operation, body })
    const text = JSON.stringify(await answer(operation, body))
    response.writeHead(200, { 'content-type': 'application/json' }).end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** A URL of loopback that refuses connections: its port was free a moment ago. */
export async function deadUrl(): Promise<string> {
  const peer = await startPeer(() => ({}))
  await peer.close()
  return peer.url
}
