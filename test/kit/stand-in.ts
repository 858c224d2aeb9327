/** A scripted processor over TCP, with an intermediary that may change, cut or swallow its responses. */
import { createServer, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { newSecret } from './simulator.ts'
import { onLoopback } from './sockets.ts'

type Body = Readonly<Record<string, unknown>>
export type Operation = 'authorize' | 'capture' | 'cancel' | 'refund' | 'lookup'

/** The handling of one call. Without a setting, the processor follows the protocol. */
export type Turn = {
  /** Whether the processor receives the call and does it; true unless given. */
  readonly done?: boolean
  /** The response; the processor's own unless given. */
  readonly answer?: { readonly status: number; readonly body: string | object; readonly type?: string }
  readonly instead?: 'cut' | 'hang'
}

export type StandIn = {
  /** The settings of a provider that uses it. */
  readonly at: { readonly kind: 'http'; readonly mode: 'test'; readonly url: string; readonly secret: string }
  /** The handling of the next calls of an operation. */
  next(operation: Operation, ...turns: readonly Turn[]): void
  /** The handling of every other call of an operation. */
  always(operation: Operation, turn: Turn): void
  /** Cuts a connection before the second call on it. */
  readonly stale: { connections: boolean }
  /** The received calls, oldest first. */
  readonly asked: { readonly operation: Operation; readonly reference: string }[]
  /** The done calls, by reference, and how often. */
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
    at: { kind: 'http', mode: 'test', url, secret },
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
