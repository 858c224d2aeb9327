/** Receivers of webhooks that misbehave, each in its own way. They listen on loopback. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttp2, createSecureServer, type ServerHttp2Stream } from 'node:http2'
import { createServer as createTls } from 'node:https'
import { createServer as createTcp, type Server, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { KEY, VALID } from './certificates.ts'
import type { Ends } from './folders.ts'
import { onLoopback } from './sockets.ts'

export type Misbehaving = {
  readonly url: string
  readonly port: number
  /** Requests, or connections where there are no requests. */
  count(): number
  /** Bytes that were written to the sockets, as far as the receiver counts them. */
  sent(): number
  /** Connections that are open now, and that ever were. */
  open(): number
  opened(): number
  /** Resolves when every connection is closed. */
  quiet(): Promise<void>
}

type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  sent: (bytes: number) => void,
  body: string,
) => void

/** A server that counts; `onSocket` is its behaviour where HTTP is not. */
async function started(
  ends: Ends,
  server: Server,
  count: () => number,
  sent: () => number,
): Promise<Misbehaving> {
  const sockets = new Set<Socket>()
  const waiting: (() => void)[] = []
  let opened = 0
  server.on('connection', (socket: Socket) => {
    opened++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0) for (const resolve of waiting.splice(0)) resolve()
    })
  })
  const listening = await onLoopback(server)
  ends.add(async () => {
    for (const socket of sockets) socket.destroy()
    await listening.close()
  })
  const isSecure = 'setSecureContext' in server
  return {
    url: `${isSecure ? listening.url.replace('http:', 'https:') : listening.url}/webhook`,
    port: listening.port,
    count,
    sent,
    open: () => sockets.size,
    opened: () => opened,
    quiet: () => (sockets.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  }
}

/** Answers over HTTP once the whole request is there. */
export function answering(ends: Ends, answer: Answer): Promise<Misbehaving> {
  let requests = 0
  let bytes = 0
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      requests++
      answer(request, response, (more) => (bytes += more), body)
    })
  })
  return started(
    ends,
    server,
    () => requests,
    () => bytes,
  )
}

/** Speaks with the bare socket. */
function bare(ends: Ends, speak: (socket: Socket, write: (text: string | Buffer) => boolean) => void) {
  let connections = 0
  let bytes = 0
  const server = createTcp((socket) => {
    connections++
    speak(socket, (text) => {
      bytes += Buffer.byteLength(text)
      return socket.write(text)
    })
  })
  return started(
    ends,
    server,
    () => connections,
    () => bytes,
  )
}

/** Writes as fast as the peer reads, until the connection is cut. */
function pour(
  socket: { destroyed: boolean; on(name: 'drain', more: () => void): unknown },
  write: () => boolean,
): void {
  const more = () => {
    while (!socket.destroyed && write());
  }
  socket.on('drain', more)
  more()
}

/** Writes again and again, until the connection is cut. */
function drip(socket: Socket, everyMs: number, write: () => void): void {
  const timer = setInterval(write, everyMs)
  socket.once('close', () => clearInterval(timer))
}

export const healthy = (ends: Ends) => answering(ends, (_request, response) => void response.end('ok'))

/** It is healthy, and hands over each body. */
export const receiving = (ends: Ends, received: (body: string) => void) =>
  answering(ends, (_request, response, _sent, body) => {
    received(body)
    response.end('ok')
  })

export const withStatus = (ends: Ends, status: number, headers: Record<string, string> = {}) =>
  answering(ends, (_request, response) => void response.writeHead(status, headers).end(`this is ${status}`))

/** It takes its time for each response. */
export const slow = (ends: Ends, ms: number) =>
  answering(ends, (_request, response) => {
    const timer = setTimeout(() => response.end('late'), ms)
    response.once('close', () => clearTimeout(timer))
  })

/** It reads requests and never responds. */
export const hanging = (ends: Ends) => answering(ends, () => {})

/** The headers of its response come byte by byte, and never end. */
export const drippingHeaders = (ends: Ends, everyMs: number) =>
  bare(ends, (socket, write) => {
    socket.resume().once('data', () => {
      write('HTTP/1.1 200 OK\r\nx-drip: ')
      drip(socket, everyMs, () => write('a'))
    })
  })

/** The body of its response comes byte by byte, and never ends. */
export const drippingBody = (ends: Ends, everyMs: number) =>
  bare(ends, (socket, write) => {
    socket.resume().once('data', () => {
      write('HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n')
      drip(socket, everyMs, () => write('b'))
    })
  })

/** Its body has 10 GB. */
export const endlessBody = (ends: Ends) =>
  answering(ends, (_request, response, sent) => {
    const block = Buffer.alloc(64 * 1024, 'x')
    response.writeHead(200, { 'content-length': 10_000_000_000 })
    pour(response, () => {
      sent(block.length)
      return response.write(block)
    })
  })

/** Its headers never end. */
export const endlessHeaders = (ends: Ends) =>
  bare(ends, (socket, write) => {
    socket.resume().once('data', () => {
      write('HTTP/1.1 200 OK\r\n')
      let number = 0
      pour(socket, () => write(`x-header-${number++}: ${'v'.repeat(1000)}\r\n`))
    })
  })

/** It sends interim responses only, without end. */
export const endlessInterim = (ends: Ends) =>
  bare(ends, (socket, write) => {
    socket
      .resume()
      .once('data', () => pour(socket, () => write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n')))
  })

/** Interim responses that it was not requested to send come before its own, in pieces of `size` bytes. */
export const interim = (ends: Ends, lines: readonly string[], size: number) =>
  bare(ends, (socket, write) => {
    socket.setNoDelay(true).on('data', () => {
      const heads = lines.map((line) => `HTTP/1.1 ${line}\r\nx-note: it's early\r\n\r\n`).join('')
      let rest = `${heads}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok`
      const more = () => {
        if (rest === '' || socket.destroyed) return
        write(rest.slice(0, size))
        rest = rest.slice(size)
        setImmediate(more)
      }
      more()
    })
  })

/** The reason in its status line never ends. */
export const endlessStatusLine = (ends: Ends) =>
  bare(ends, (socket, write) => {
    socket.resume().once('data', () => {
      write('HTTP/1.1 200 ')
      const block = 's'.repeat(64 * 1024)
      pour(socket, () => write(block))
    })
  })

/** The extension of its first chunk never ends. */
export const endlessChunkExtension = (ends: Ends) =>
  bare(ends, (socket, write) => {
    socket.resume().once('data', () => {
      write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;a=')
      const block = 'e'.repeat(64 * 1024)
      pour(socket, () => write(block))
    })
  })

/** Its small body becomes 1 GB when it is decompressed. */
export async function gzipBomb(ends: Ends): Promise<Misbehaving> {
  // Members of gzip may follow each other: 64 of 16 MiB.
  const member = gzipSync(Buffer.alloc(16 * 1024 * 1024))
  const bomb = Buffer.concat(Array.from({ length: 64 }, () => member))
  return answering(ends, (_request, response, sent) => {
    sent(bomb.length)
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': bomb.length }).end(bomb)
  })
}

/** It resets each connection once it has the request. */
export const resetting = (ends: Ends) =>
  bare(ends, (socket) => socket.once('data', () => socket.resetAndDestroy()))

/** It closes its half of each connection at once, and keeps the other half. */
export function halfOpen(ends: Ends): Promise<Misbehaving> {
  let connections = 0
  const server = createTcp({ allowHalfOpen: true }, (socket) => {
    connections++
    socket.resume().end()
  })
  return started(
    ends,
    server,
    () => connections,
    () => 0,
  )
}

/** It responds, but not in HTTP. */
export const notHttp = (ends: Ends) =>
  bare(ends, (socket, write) => void socket.once('data', () => write('SSH-2.0-x\r\n')))

/** It accepts connections, and says nothing, also during a TLS handshake. */
export const silent = (ends: Ends) => bare(ends, (socket) => socket.resume())

/** It is healthy over TLS, with a certificate of `certificates`. */
export function secure(ends: Ends, cert = VALID, body = 'secure'): Promise<Misbehaving> {
  let requests = 0
  const server = createTls({ key: KEY, cert }, (request, response) => {
    request.resume().on('end', () => {
      requests++
      response.end(body)
    })
  })
  return started(
    ends,
    server as unknown as Server,
    () => requests,
    () => 0,
  )
}

/** It speaks HTTP/2 only: over TLS, or without. */
export function http2(ends: Ends, { isSecure }: { isSecure: boolean }): Promise<Misbehaving> {
  let requests = 0
  const server = isSecure
    ? createSecureServer({ key: KEY, cert: VALID, ALPNProtocols: ['h2'] })
    : createHttp2()
  server.on('stream', (stream: ServerHttp2Stream) => {
    requests++
    stream.respond({ ':status': 200 })
    stream.end('two')
  })
  server.on('sessionError', () => {})
  return started(
    ends,
    server as unknown as Server,
    () => requests,
    () => 0,
  )
}
