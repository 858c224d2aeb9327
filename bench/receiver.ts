/**
 * A webhook receiver that costs as little as it can: it answers 200 to every POST and counts its
 * X-Webhook-Delivery. It tells its parent its port, then answers each message with what it has `Received`.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'

export type Received = {
  readonly deliveries: number
  /** Deliveries whose id had come before. */
  readonly duplicates: number
}

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const HEAD_END = '\r\n\r\n'

const seen = new Set<string>()
let deliveries = 0

function serve(socket: Socket): void {
  let pending = ''
  socket.setNoDelay(true)
  socket.setEncoding('latin1')
  socket.on('data', (chunk) => {
    pending += chunk
    for (;;) {
      const headEnd = pending.indexOf(HEAD_END)
      if (headEnd < 0) return
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(pending)?.[1] ?? 0)
      const end = headEnd + HEAD_END.length + length
      if (pending.length < end) return
      deliveries++
      seen.add(/\r\nx-webhook-delivery: *([^\r]+)/i.exec(pending)?.[1] ?? '')
      pending = pending.slice(end)
      socket.write(ANSWER, 'latin1')
    }
  })
  socket.on('error', () => socket.destroy())
}

const server = createServer(serve)
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('message', () => {
  const received: Received = { deliveries, duplicates: deliveries - seen.size }
  process.send?.(received)
})
process.on('disconnect', () => process.exit())
