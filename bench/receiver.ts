/**
 * A webhook receiver that costs as little as it can: it answers 200 to every POST and counts its
 * X-Webhook-Delivery. It tells its parent its port, then answers each message with what it has `Received`.
 */
import { serveBare } from './bare.ts'

export type Received = {
  readonly deliveries: number
  /** Deliveries whose id had come before. */
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
