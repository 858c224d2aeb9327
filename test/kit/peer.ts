/** A processor whose responses the test sets. */
import { createServer } from 'node:http'
import { onLoopback } from './sockets.ts'

export type Peer = {
  readonly url: string
  /** The received requests, oldest first. */
  readonly asked: { readonly operation: string; readonly body: Readonly<Record<string, unknown>> }[]
  close(): Promise<void>
}

/**
 * A processor whose responses the test sets: it sends a string unchanged, and anything else as JSON, with status 200.
 */
export async function startPeer(
  answer: (
    operation: string,
    body: Readonly<Record<string, unknown>>,
  ) => string | object | Promise<string | object>,
): Promise<Peer> {
  const asked: Peer['asked'] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Peer['asked'][number]['body']
    const operation = (request.url ?? '').slice(1)
    asked.push({ operation, body })
    const said = await answer(operation, body)
    const text = typeof said === 'string' ? said : JSON.stringify(said)
    response.writeHead(200, { 'content-type': 'application/json' }).end(text)
  })
  return { ...(await onLoopback(server)), asked }
}

/** A loopback URL that refuses connections: its port was free a moment ago. */
export async function deadUrl(): Promise<string> {
  const peer = await startPeer(() => ({}))
  await peer.close()
  return peer.url
}
