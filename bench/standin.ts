/**
 * A minimal processor: it accepts every authorization, checks no signature and stores nothing. Its references are random.
 * It shows the cost of a call over the network in MiniPay itself. With two quantiles, `node standin.ts <p50> <p99>` in ms,
 * its responses take a realistic time.
 */
import { type BareRequest, serveBare } from './bare.ts'
import { latencies } from './log-normal.ts'

const REFERENCE_DIGITS = 24

/** Like the ids of most providers: of one length, and in no order. */
function newReference(): string {
  let digits = ''
  while (digits.length < REFERENCE_DIGITS) digits += Math.random().toString(36).slice(2, 12)
  return `pay_${digits.slice(0, REFERENCE_DIGITS)}`
}

function approve({ text, body }: BareRequest): string {
  const { amount, currency } = JSON.parse(text.slice(body)) as { amount: number; currency: string }
  const answer = JSON.stringify({ status: 'succeeded', reference: newReference(), amount, currency })
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`
}

const [p50, p99] = process.argv.slice(2).map(Number)
const port = await serveBare(approve, p50 && p99 ? latencies({ p50, p99 }) : undefined)
process.stdout.write(`${JSON.stringify({ address: `http://127.0.0.1:${port}` })}\n`)
