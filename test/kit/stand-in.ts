/** A processor over TCP that does what it is told, and whose answers something in between may change, cut or swallow. */
import { createServer, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { newSecret } from './simulator.ts'
import { onLoopback } from './sockets.ts'

type Body = Readonly<Record<string, unknown>>
export type Operation = 'authorize' | 'capture' | 'cancel' | 'refund' | 'lookup'

/** What becomes of one call. It is served as the protocol says where nothing is written of it. */
export type Turn = {
  /** Whether the processor gets and does it; true unless given. */
  readonly done?: boolean
  /** The answer; without one it is the processor's own. */
  readonly answer?: { readonly status: number; readonly body: string | object; readonly type?: string }
  readonly instead?: 'cut' | 'hang'
}

export type StandIn = {
  /** The provider's settings at it. */
  readonly at: { readonly kind: 'http'; readonly url: string; readonly secret: string }
  /** What becomes of the next calls of an operation. */
  next(operation: Operation, ...turns: readonly Turn[]): void
  /** What becomes of every call of an operation that has no turn of its own. */
  always(operation: Operation, turn: Turn): void
  /** Every call after the first on a connection finds it cut. */
  readonly stale: { connections: boolean }
  /** What was asked, oldest first. */
  readonly asked: { readonly operation: Operation; readonly reference: string }[]
  /** What was done, by reference, and how often. */
  readonly done: ReadonlyMap<
    string,
    { readonly operation: Operation; readonly amount: number; times: number }
  >
  close(): Promise<void>
}

export async function startStandIn(): Promise<StandIn> {
  const secret = newSecret()
  const turns = new Map<Operation, Turn[]>()
  const usual = new Map<Operation, Turn>()
  const asked: StandIn['asked'] = []
  const done = new Map<string, { operation: Operation; amount: number; times: number; answer: object }>()
  const closed = new Set<string>()
  const stale = { connections: false }
  const used = new WeakSet<Socket>()

  function own(operation: Operation, body: Body): { status: number; body: object } {
    const reference = String(body['reference'])
    const before = done.get(reference)
    if (before) return { status: 200, body: before.answer }
    if (operation === 'lookup') {
      closed.add(reference)
      return { status: 200, body: { status: 'not_found' } }
    }
    if (closed.has(reference))
      return { status: 409, body: { status: 'refused', code: 'reference_closed', message: 'Closed.' } }
    const { amount, currency } = body
    const answer = { status: 'succeeded', reference: `ref_${reference}`, amount, currency }
    done.set(reference, { operation, amount: Number(amount), times: 1, answer })
    return { status: 200, body: answer }
  }

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const { socket } = request
    if (stale.connections && used.has(socket)) return void socket.destroy()
    used.add(socket)
    const operation = (request.url ?? '').slice(1) as Operation
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Body
    asked.push({ operation, reference: String(body['reference']) })
    const turn = turns.get(operation)?.shift() ?? usual.get(operation) ?? {}
    const answer = turn.done === false ? { status: 500, body: {} } : own(operation, body)
    if (turn.instead === 'hang') return
    if (turn.instead === 'cut') return void socket.destroy()
    send(response, turn.answer ?? answer)
  })
  const { url, close } = await onLoopback(server)
  return {
    at: { kind: 'http', url, secret },
    next: (operation, ...more) => void turns.set(operation, [...(turns.get(operation) ?? []), ...more]),
    always: (operation, turn) => void usual.set(operation, turn),
    stale,
    asked,
    done,
    close,
  }
}

function send(
  response: ServerResponse,
  { status, body, type = 'application/json' }: NonNullable<Turn['answer']>,
): void {
  response
    .writeHead(status, { 'content-type': type })
    .end(typeof body === 'string' ? body : JSON.stringify(body))
}
