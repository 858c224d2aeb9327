/** What strangers do, each as one visit: by name, so that a report can say who came how often. */
import { randomUUID } from 'node:crypto'
import { call } from '../kit/http.ts'
import type { Guest, Line } from './strangers.ts'

/** Between two bytes of those who are slow on purpose. */
const TRICKLE_MS = 100
/** Requests that a client which never reads sends at once: the server lets no more wait. */
const PIPELINED = 16
/** As large as a body may be. */
const LIMIT = 256 * 1024
const HOST = 'Host: localhost\r\n'
const SIMULATION = JSON.stringify({ last: 1_000 })

type Visit = (guest: Guest, stayMs: number) => Promise<void>

const post = (path: string, body: string, headers = 'Content-Type: application/json\r\n') =>
  `POST ${path} HTTP/1.1\r\n${HOST}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const get = (path: string) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`

/** Sends text byte by byte until it is sent, its time is over, or the server has had enough. */
async function trickle({ pause, isLeaving }: Guest, line: Line, text: string, stayMs: number): Promise<void> {
  const until = performance.now() + stayMs
  for (const byte of text) {
    if (line.socket.destroyed || isLeaving() || performance.now() > until) return
    await line.write(byte)
    await pause(TRICKLE_MS)
  }
}

/** What a client without manners asks for and does not read; as many as may wait. */
const GREEDY = [
  get('/api/v1/charges?limit=100'),
  get('/api/v1/events?limit=100'),
  get('/docs'),
  get('/openapi.json'),
  `GET /metrics HTTP/1.1\r\n${HOST}Accept: application/json\r\n\r\n`,
  post('/api/v1/routing/simulate', SIMULATION),
]
const PAGES = [
  ...['/api/v1/charges?limit=100', '/api/v1/events?limit=100', '/api/v1/attempts?limit=100'],
  ...['/api/v1/ledger/entries?limit=100', '/api/v1/refunds?limit=100', '/docs', '/openapi.json'],
  '/api/v1/charges?limit=100&customer=cus_stranger&status=refunded',
]

export const VISITS = {
  'slow heads': async (guest, stayMs) => {
    const line = await guest.connect()
    if (!line) return
    const { head } = guest.newCharge()
    await trickle(guest, line, head, guest.draw.between(0, stayMs))
    line.socket.destroy()
  },
  'slow bodies': async (guest, stayMs) => {
    const line = await guest.connect()
    if (!line) return
    const { head, body } = guest.newCharge()
    await line.write(`${head}\r\nContent-Length: ${body.length}\r\n\r\n`)
    await trickle(guest, line, body, guest.draw.between(0, stayMs))
    line.socket.destroy()
  },
  'one-byte chunks': async (guest) => {
    const line = await guest.connect()
    if (!line) return
    const { head, body } = guest.newCharge()
    const blanks = ' '.repeat(LIMIT / 4)
    const chunks = [...blanks, ...body].map((byte) => `1\r\n${byte}\r\n`).join('')
    await line.write(`${head}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`)
    await answered(guest, line)
  },
  'never reads': async (guest, stayMs) => {
    const line = await guest.connect()
    if (!line) return
    line.socket.pause()
    await line.write(guest.draw.of(GREEDY).repeat(PIPELINED))
    await Promise.race([guest.pause(guest.draw.between(0, stayMs)), line.closed])
    line.socket.destroy()
  },
  'long pages': async (guest) => {
    if (guest.draw.chance(0.1)) return void (await guest.scrape())
    const simulates = guest.draw.chance(0.1)
    const answer = await (simulates
      ? call(guest.url, 'POST', '/api/v1/routing/simulate', SIMULATION)
      : call(guest.url, 'GET', guest.draw.of(PAGES))
    ).catch(() => undefined)
    if (answer?.status !== 200 && answer?.status !== 503 && guest.hasNoExcuse())
      guest.found(`a page was answered ${answer?.status}`)
  },
  'leaves in a request': async (guest) => {
    const line = await guest.connect()
    if (!line) return
    const { head, body } = guest.newCharge()
    const whole = `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    await line.write(whole.slice(0, guest.draw.between(1, whole.length - 1)))
    leave(guest, line)
  },
  'leaves before its answer': async (guest) => {
    const line = await guest.connect()
    if (!line) return
    const { head, body } = guest.newCharge(guest.draw.of(['jpy', 'usd']))
    await line.write(`${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    leave(guest, line)
  },
  'leaves in an answer': async (guest) => {
    const line = await guest.connect()
    if (!line) return
    await line.write(get('/api/v1/charges?limit=100').repeat(guest.draw.between(1, 4)))
    await Promise.race([new Promise((resolve) => line.socket.once('data', resolve)), line.closed])
    leave(guest, line)
  },
  'half-closes': async (guest) => {
    const line = await guest.connect()
    if (!line) return
    const { head, body } = guest.newCharge()
    line.socket.end(`${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    await answered(guest, line)
  },
  'is idle': async (guest, stayMs) => {
    const line = await guest.connect()
    if (!line) return
    if (guest.draw.chance(0.5)) await line.write(get('/health'))
    await Promise.race([guest.pause(guest.draw.between(0, stayMs)), line.closed])
    line.socket.destroy()
  },
  'is hostile': async (guest) => {
    const line = await guest.connect()
    if (!line) return
    await line.write(guest.draw.of(HOSTILE)())
    const status = await Promise.race([line.answer(), guest.pause(5_000)])
    if (status && status < 400) guest.found(`a hostile request was answered ${status}`)
    line.socket.destroy()
  },
} as const satisfies Record<string, Visit>
export type VisitName = keyof typeof VISITS

/** Bodies at the limit that no check may take long over, and what is no HTTP. None of them is a charge. */
const HOSTILE: readonly (() => string)[] = [
  () => post('/api/v1/charges', '1 '.repeat(LIMIT / 2)),
  () => post('/api/v1/charges', `"${'4111 1111 '.repeat(LIMIT / 10 - 1)}"`),
  () => post('/api/v1/charges', '['.repeat(LIMIT)),
  () => post('/api/v1/charges', `{${'"a":1,'.repeat(LIMIT / 7)}"b":1}`.slice(0, LIMIT)),
  () => post('/api/v1/charges', JSON.stringify({ amount: 1, currency: 'x'.repeat(LIMIT - 100) })),
  () => post('/api/v1/charges', `{"amount":${'9'.repeat(LIMIT - 100)}}`),
  () => post('/api/v1/charges', 'x'.repeat(LIMIT + 1)),
  () => post(`/api/v1/charges/txn_${randomUUID()}/capture`, '{"amount":1}'),
  () => post('/api/v1/refunds', JSON.stringify({ transaction_id: 'x'.repeat(1_000) })),
  () => post('/providers/bank/notifications', 'x'.repeat(10_000)),
  () => get(`/api/v1/charges/${'x'.repeat(15_000)}`),
  () => get('/api/v1/charges?limit=1000000'),
  () => `PLAY rtsp://soak/ RTSP/1.0\r\n\r\n`,
  () => `SOAK / HTTP/1.1\r\n${HOST}\r\n`,
  () =>
    `POST /api/v1/charges HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  () => `GET / HTTP/1.1\r\n${HOST}X-Long: ${'x'.repeat(100_000)}\r\n\r\n`,
  () => '\u0000'.repeat(1_000),
]

/** A charge that came whole is answered, unless the server went down meanwhile. */
async function answered(guest: Guest, line: Line): Promise<void> {
  const status = await line.answer()
  if (status === undefined && guest.hasNoExcuse()) guest.found('a whole request got no answer')
  else if (status !== undefined && ![200, 201, 202, 402, 502, 503].includes(status))
    guest.found(`a charge was answered ${status}`)
  line.socket.destroy()
}

/** As a program that is killed, or one that hangs up. */
function leave({ draw }: Guest, { socket }: Line): void {
  if (draw.chance(0.5)) socket.resetAndDestroy()
  else socket.destroy()
}
