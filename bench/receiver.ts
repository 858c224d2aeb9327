/**
 * A minimal webhook receiver: it responds with 200 to every POST and counts X-Webhook-Delivery. It sends its port to
 * its parent, then responds to each message with a `Received`.
 */
import { serveBare } from './bare.ts'

export type Received = {
  readonly deliveries: number
  /** Deliveries whose id had arrived before. */
  readonly duplicates: number
}

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

const seen = new Set<string>()
let deliveries = 0

function count(head: string): string {
  deliveries++
  seen.add(/\r\nx-webhook-delivery: *([^\r]+)/i.exec(head)?.[1] ?? '')
  return ANSWER
}

process.send?.(await serveBare(count))
process.on('message', () => {
  const received: Received = { deliveries, duplicates: deliveries - seen.size }
  process.send?.(received)
})
process.on('disconnect', () => process.exit())
