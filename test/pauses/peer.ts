/** A peer over HTTP that responds to every request with the same text. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type PlainPeer = { readonly url: string; close(): Promise<void> }

export async function startPlainPeer(answer: () => string): Promise<PlainPeer> {
  const server = createServer((request, response) => {
    request.resume()
    request.once('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(answer()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
