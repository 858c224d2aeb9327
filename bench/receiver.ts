/**
 * A minimal webhook receiver: it responds with 200 to every POST and counts X-Webhook-Delivery. It sends its port to
 * its parent, then responds to each message with a `Received`.
 */
import { serveBare } from './bare.ts'

export type Received = {
  readonly deliveries: number
  /** Deliveries whose id had arrived before. */
  readonly duplicates: number
  /** From the event to its receipt, of those since the last message, in ms; 0 without any. */
  readonly p50: number
  readonly p99: number
}

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

const seen = new Set<string>()
let deliveries = 0

let latencies: number[] = []

function count(head: string, body: string): string {
  deliveries++
  // The event's own time is the first one in its body.
  const at = /"created_at":"([^"]+)"/.exec(body)?.[1]
  if (at !== undefined) latencies.push(performance.timeOrigin + performance.now() - Date.parse(at))
  seen.add(/\r\nx-webhook-delivery: *([^\r]+)/i.exec(head)?.[1] ?? '')
  return ANSWER
}

process.send?.(await serveBare(count))
process.on('message', () => {
  const sorted = latencies.sort((a, b) => a - b)
  const quantile = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
  const received: Received = {
    deliveries,
    duplicates: deliveries - seen.size,
    p50: quantile(0.5),
    p99: quantile(0.99),
  }
  latencies = []
  process.send?.(received)
})
process.on('disconnect', () => process.exit())
