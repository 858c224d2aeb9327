import { type AddressInfo, createServer, type Socket } from 'node:net'

const HEAD_END = '\r\n\r\n'

/**
 * A minimal HTTP/1.1 server over bare sockets: it reads only requests with a content-length. `answer` gets a request's
 * head and body and returns the complete response, in Latin-1, which is sent at once or after the next `delay`, in ms.
 * Resolves with its port on loopback.
 */
export function serveBare(
  answer: (head: string, body: string) => string,
  delay?: () => number,
): Promise<number> {
  const server = createServer((socket) => serve(socket, answer, delay))
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

function serve(
  socket: Socket,
  answer: (head: string, body: string) => string,
  delay: (() => number) | undefined,
): void {
  let pending = ''
  socket.setNoDelay(true)
  socket.setEncoding('latin1')
  socket.on('data', (chunk) => {
    pending += chunk
    for (;;) {
      const headEnd = pending.indexOf(HEAD_END)
      if (headEnd < 0) return
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(pending)?.[1] ?? 0)
      const bodyStart = headEnd + HEAD_END.length
      const end = bodyStart + length
      if (pending.length < end) return
      const response = answer(pending.slice(0, bodyStart), pending.slice(bodyStart, end))
      if (delay) setTimeout(() => socket.write(response, 'latin1'), delay())
      else socket.write(response, 'latin1')
      pending = pending.slice(end)
    }
  })
  socket.on('error', () => socket.destroy())
}
