/** Ports and bare connections of the loopback interface. */
import { once } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export type Listening = {
  /** Such as http://127.0.0.1:54321. */
  readonly url: string
  readonly port: number
  /** Also cuts the connections of an HTTP server. */
  close(): Promise<void>
}

/** Makes a server listen on a free port of the loopback interface. */
export async function onLoopback(server: Server | HttpServer): Promise<Listening> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async close() {
      if ('closeAllConnections' in server) server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const { port, close } = await onLoopback(createServer())
  await close()
  return port
}

export type BareConnection = {
  readonly socket: Socket
  /** Everything received so far. */
  text(): string
  /** Resolves when the server has closed it. */
  readonly closed: Promise<void>
}

/** A TCP connection that sends exactly the given bytes. */
export async function bareConnection(url: string): Promise<BareConnection> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  // A reset also counts as closed.
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  return { socket, text: () => text, closed }
}

/** Whether the server refuses a new connection: it no longer listens. */
export function refusesConnections(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(false))
    socket.once('error', () => resolve(true))
  }).finally(() => socket.destroy()) as Promise<boolean>
}
