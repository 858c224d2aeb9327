/**
 * A minimal webhook receiver: it responds with 200 to every POST and counts X-Webhook-Delivery. It sends its port to
 * its parent, then responds to each message with a `Received`.
 *
 * It shares the machine with the server that is measured. So it only keeps what each message says, and reads that when
 * its parent asks.
 */
import { type BareRequest, serveBare } from './bare.ts'

export type Received = {
  readonly deliveries: number
  /** Deliveries whose id had arrived before. */
  readonly duplicates: number
  /** From the event to its receipt, of those since the last message, in ms; 0 without any. */
  readonly p50: number
  readonly p99: number
}

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const DELIVERY = '\r\nx-webhook-delivery: '
/** The event's own time is the first one in its body. */
const TIME = '"created_at":"'
const TIME_LENGTH = '2026-01-01T00:00:00.000Z'.length

const seen = new Set<string>()
let deliveries = 0
/** Since the last message: ids, the times of their events, and when they were received, in ms. */
let ids: string[] = []
let times: string[] = []
let received: number[] = []

/** Copies what it keeps: a part of the text would keep all of it. */
function count({ bytes, text, body }: BareRequest): string {
  deliveries++
  const id = text.indexOf(DELIVERY) + DELIVERY.length
  ids.push(bytes.toString('latin1', id, text.indexOf('\r', id)))
  const time = text.indexOf(TIME, body) + TIME.length
  times.push(bytes.toString('latin1', time, time + TIME_LENGTH))
  received.push(performance.now())
  return ANSWER
}

process.send?.(await serveBare(count))
process.on('message', () => {
  for (const id of ids) seen.add(id)
  const latencies = times.map(
    (time, i) => performance.timeOrigin + (received[i] as number) - Date.parse(time),
  )
  const sorted = latencies.filter((ms) => !Number.isNaN(ms)).sort((a, b) => a - b)
  const quantile = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
  const result: Received = {
    deliveries,
    duplicates: deliveries - seen.size,
    p50: quantile(0.5),
    p99: quantile(0.99),
  }
  ids = []
  times = []
  received = []
  process.send?.(result)
})
process.on('disconnect', () => process.exit())
