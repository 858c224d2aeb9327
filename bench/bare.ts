import { type AddressInfo, createServer, type Socket } from 'node:net'

const HEAD_END = '\r\n\r\n'
const LENGTH = /\r\ncontent-length: *(\d+)/i
const NONE = Buffer.alloc(0)

/** A request: its bytes, the same as Latin-1, and where its body begins. */
export type BareRequest = { readonly bytes: Buffer; readonly text: string; readonly body: number }

/**
 * A minimal HTTP/1.1 server over bare sockets: it reads only requests with a content-length. `answer` gets a request
 * and returns the complete response, in Latin-1, which is sent at once or after the next `delay`, in ms.
 * Resolves with its port on loopback.
 */
export function serveBare(answer: (request: BareRequest) => string, delay?: () => number): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => serve(socket, answer, delay))
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

function serve(
  socket: Socket,
  answer: (request: BareRequest) => string,
  delay: (() => number) | undefined,
): void {
  let pending: Buffer = NONE
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    for (let request = first(pending); request; request = first(pending)) {
      pending = pending.subarray(request.bytes.length)
      const response = answer(request)
      if (delay) setTimeout(() => socket.write(response, 'latin1'), delay())
      else socket.write(response, 'latin1')
    }
  })
  socket.on('error', () => socket.destroy())
}

/** The first request, once it is whole. */
function first(pending: Buffer): BareRequest | undefined {
  if (pending.length === 0) return undefined
  const text = pending.toString('latin1')
  const headEnd = text.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const body = headEnd + HEAD_END.length
  const end = body + Number(LENGTH.exec(text)?.[1] ?? 0)
  if (pending.length < end) return undefined
  return pending.length === end
    ? { bytes: pending, text, body }
    : { bytes: pending.subarray(0, end), text: text.slice(0, end), body }
}
