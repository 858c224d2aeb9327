/**
 * A stand-in for Stripe's API on loopback HTTP, made from its documentation: keys, form bodies, idempotency with
 * replays, errors, and the faults of the provider contract. It is not Stripe: it only shows that MiniPay follows the
 * documentation.
 */
import { createHmac } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { NotificationSubject } from '../../../src/ports/provider.ts'
import { onLoopback } from '../../kit/sockets.ts'
import type { Operation, Peer, PeerFault } from './contract.ts'
import { type Answer, Books, type Form, newReference, refusal } from './stripe-books.ts'

export const API_KEY = 'sk_test_standin0key0of0the0contract'
export const NOTIFICATION_SECRET = 'whsec_standin0secret0of0the0contract'
const UNKNOWN_DECLINE = 'new_account_information_available'
const GIGABYTE = 1024 ** 3

const DECLINES = {
  pm_card_chargeDeclinedInsufficientFunds: {
    declineCode: 'insufficient_funds',
    message: 'Your card has insufficient funds.',
  },
  pm_card_unknownDecline: { declineCode: UNKNOWN_DECLINE, message: 'Ask for the new card.' },
  pm_card_echoes: {
    declineCode: 'do_not_honor',
    message: `Declined 4242 4242 4242 4242 with ${API_KEY} and ${NOTIFICATION_SECRET}.`,
  },
}

/** A response in place of the next one of an operation: a status, a content type and a body. */
type Override = { readonly status: number; readonly body: string; readonly headers?: Record<string, string> }

export type StripePeer = Peer & {
  readonly port: number
  readonly books: Books
  /** Gives this response to the next call of that operation, and does nothing. */
  answerNext(operation: Operation, override: Override): void
  /** A signed event of any type about any object. */
  event(
    type: string,
    object: object,
    how?: Parameters<Peer['notification']>[1],
  ): ReturnType<Peer['notification']>
  close(): Promise<void>
}

type Saved = { readonly request: string; readonly answer: Answer }

class StandIn {
  readonly books = new Books(DECLINES)
  readonly heard: string[] = []
  readonly #armed = new Map<Operation, PeerFault | Override>()
  readonly #counts = new Map<Operation, number>()
  readonly #saved = new Map<string, Saved>()
  readonly #received = new EventEmitter()

  arm(operation: Operation, fault: PeerFault | Override): void {
    this.#armed.set(operation, fault)
  }

  calls(operation: Operation): number {
    return this.#counts.get(operation) ?? 0
  }

  async received(operation: Operation, atLeast: number): Promise<void> {
    while (this.calls(operation) < atLeast) await once(this.#received, operation)
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { authorization, ...headers } = request.headers
    this.heard.push(`${request.url} ${JSON.stringify(headers)} ${body}`)
    const operation = operationOf(request.method ?? '', request.url ?? '')
    const fault = this.#armed.get(operation)
    this.#armed.delete(operation)
    this.#counts.set(operation, this.calls(operation) + 1)
    this.#received.emit(operation)
    if (authorization !== `Bearer ${API_KEY}`)
      return reply(response, refusal(401, 'invalid_request_error', { message: 'Invalid API Key provided.' }))
    if (typeof fault === 'object') return respond(response, fault)
    if (fault === 'hang') return
    if (fault === 'cut_before') return void request.socket.destroy()
    // Stripe stores nothing under the key before the endpoint has begun.
    if (fault === 'error') return reply(response, refusal(500, 'api_error'))
    if (fault === 'late') this.books.late = true
    const key = request.headers['idempotency-key']
    const { answer, replayed } = this.#once(key, `${request.url} ${body}`, fault, () =>
      this.#act(
        operation,
        new URL(request.url ?? '', 'http://stripe.test'),
        new Map(new URLSearchParams(body)),
      ),
    )
    if (fault === 'cut_after') return void request.socket.destroy()
    if (fault === 'huge') return flood(response)
    const fields: Record<string, string> = replayed ? { 'Idempotent-Replayed': 'true' } : {}
    respond(response, { ...distorted(fault, answer), headers: fields })
  }

  /** The same key gets the same response, even an error (https://docs.stripe.com/api/idempotent_requests). */
  #once(
    key: string | string[] | undefined,
    request: string,
    fault: PeerFault | undefined,
    act: () => Answer,
  ): { answer: Answer; replayed: boolean } {
    if (typeof key !== 'string') return { answer: act(), replayed: false }
    const saved = this.#saved.get(key)
    if (saved && saved.request !== request)
      return { answer: refusal(400, 'idempotency_error'), replayed: false }
    if (saved) return { answer: saved.answer, replayed: true }
    const done = act()
    const answer = fault === 'error_after' ? refusal(500, 'api_error') : done
    // A copy: later changes do not change the stored response.
    this.#saved.set(key, { request, answer: { status: answer.status, json: structuredClone(answer.json) } })
    return { answer, replayed: false }
  }

  #act(operation: Operation, url: URL, form: Form): Answer {
    if (operation === 'authorize') return this.books.authorize(form)
    if (operation === 'lookup') return this.#read(url)
    const intent = this.books.intents.get(form.get('payment_intent') ?? url.pathname.split('/')[3] ?? '')
    if (!intent) return refusal(404, 'invalid_request_error', { code: 'resource_missing', param: 'intent' })
    return this.books[operation](intent, form)
  }

  #read(url: URL): Answer {
    const [, , kind, id = ''] = url.pathname.split('/')
    const { intents, refunds, disputes } = this.books
    if (kind === 'payment_intents' && id === 'search') {
      const wanted = /^metadata\['minipay_attempt'\]:'(\w+)'$/.exec(url.searchParams.get('query') ?? '')?.[1]
      const data = [...intents.values()].filter(({ metadata }) => metadata['minipay_attempt'] === wanted)
      return { status: 200, json: { object: 'search_result', data, has_more: false } }
    }
    if (kind === 'refunds' && id === '') {
      const all = this.books.refundsOf(url.searchParams.get('payment_intent'))
      const from = all.findIndex((refund) => refund.id === url.searchParams.get('starting_after')) + 1
      const data = all.slice(from, from + Number(url.searchParams.get('limit')))
      return { status: 200, json: { object: 'list', data, has_more: from + data.length < all.length } }
    }
    const found = { payment_intents: intents, refunds, disputes }[kind ?? '']?.get(id)
    if (found) return { status: 200, json: found }
    return refusal(404, 'invalid_request_error', { code: 'resource_missing', param: 'id' })
  }
}

function operationOf(method: string, url: string): Operation {
  if (method === 'GET') return 'lookup'
  if (url === '/v1/refunds') return 'refund'
  return url.endsWith('/capture') ? 'capture' : url.endsWith('/cancel') ? 'cancel' : 'authorize'
}

function respond(response: ServerResponse, { status, body, headers }: Override): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(body)
}

function reply(response: ServerResponse, { status, json }: Answer): void {
  respond(response, { status, body: JSON.stringify(json) })
}

/** The response to a done call, changed by the armed fault. */
function distorted(fault: PeerFault | undefined, { status, json }: Answer): Override {
  const body = JSON.stringify(json)
  switch (fault) {
    case 'html':
      return { status: 502, body: '<html><body>Bad Gateway</body></html>' }
    case 'half_json':
      return { status, body: body.slice(0, body.length / 2) }
    case 'empty':
      return { status, body: '' }
    case 'wrong_amount':
      return { status, body: JSON.stringify({ ...json, amount_received: 5_000 }) }
    case 'wrong_currency':
      return { status, body: JSON.stringify({ ...json, currency: 'eur' }) }
    default:
      return { status, body }
  }
}

/** A body of a gigabyte, until the client closes the connection. */
function flood(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, ' ')
  let left = GIGABYTE
  const pour = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= chunk.length
      if (!response.write(chunk)) return void response.once('drain', pour)
    }
    response.end()
  }
  response.writeHead(200, { 'Content-Type': 'application/json' })
  pour()
}

/** The event with which Stripe would report the subject. */
function eventOf(subject: NotificationSubject): { type: string; object: object } {
  switch (subject.about) {
    case 'attempt':
      return {
        type: 'payment_intent.succeeded',
        object: { id: 'pi_1', metadata: { minipay_attempt: subject.attemptId } },
      }
    case 'payment':
      return { type: 'payment_intent.canceled', object: { id: subject.reference, metadata: {} } }
    case 'refund':
      return { type: 'refund.updated', object: { id: subject.reference } }
    case 'dispute':
      return { type: 'charge.dispute.created', object: { id: subject.reference } }
    case 'nothing':
      return { type: 'customer.created', object: { id: 'cus_1' } }
  }
}

const event: StripePeer['event'] = (type, object, how = {}) => {
  const id = how.id ?? newReference('evt')
  const body = Buffer.from(JSON.stringify({ id, object: 'event', livemode: false, type, data: { object } }))
  const at = Math.floor((how.sentAt ?? Date.now()) / 1000)
  const secret = how.forged ? 'whsec_somebody0else' : NOTIFICATION_SECRET
  const signature = createHmac('sha256', secret).update(`${at}.`).update(body).digest('hex')
  return { body, headers: { 'stripe-signature': `t=${at},v1=${signature}` } }
}

export async function stripePeer(): Promise<StripePeer> {
  const standIn = new StandIn()
  const { books } = standIn
  const server = createServer(
    (request, response) => void standIn.handle(request, response).catch(() => request.destroy()),
  )
  const { port, close } = await onLoopback(server)
  const intent = (reference: string) => books.intents.get(reference) ?? raise(reference)
  return {
    port,
    books,
    tokens: {
      succeeds: 'pm_card_visa',
      insufficientFunds: 'pm_card_chargeDeclinedInsufficientFunds',
      unknownDecline: 'pm_card_unknownDecline',
      redirects: 'pm_card_redirects',
      echoes: 'pm_card_echoes',
    },
    unknownDeclineCode: UNKNOWN_DECLINE,
    secrets: [API_KEY, NOTIFICATION_SECRET],
    arm: async (operation, fault) => standIn.arm(operation, fault),
    answerNext: (operation, override) => standIn.arm(operation, override),
    calls: async (operation) => standIn.calls(operation),
    received: (operation, atLeast) => standIn.received(operation, atLeast),
    payments: async () => books.payments(),
    async finish() {
      for (const each of books.intents.values()) if (each.status === 'processing') books.confirm(each)
    },
    confirm: async (reference, approve) => books[approve ? 'confirm' : 'refuse'](intent(reference)),
    async failRefund(reference) {
      const refund = books.refunds.get(reference) ?? raise(reference)
      Object.assign(refund, { status: 'failed', failure_reason: 'lost_or_stolen_card' })
    },
    expire: async (reference) => books.release(intent(reference)),
    openDispute: async (reference) => books.dispute(intent(reference).id),
    async endDispute(reference, status) {
      const dispute = books.disputes.get(reference) ?? raise(reference)
      dispute.status = status
    },
    notification(subject, how) {
      const { type, object } = eventOf(subject)
      return event(type, object, how)
    },
    event,
    heard: async () => standIn.heard,
    close,
  }
}

function raise(reference: string): never {
  throw new Error(`the stand-in has no ${reference}`)
}
