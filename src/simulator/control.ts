import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Calls, conditionOf } from './calls.ts'
import type { Writer } from './database.ts'
import type { Faults } from './faults.ts'
import { type Body, parseObject, readBody, sendJson, text } from './json.ts'
import type { Later } from './later.ts'
import type { Processor } from './processor.ts'
import { sendStatement } from './statement.ts'

export type Simulator = {
  readonly file: string
  readonly writer: Writer
  readonly processor: Processor
  readonly faults: Faults
  readonly calls: Calls
  readonly later: Later
}

type Handler = (
  simulator: Simulator,
  body: Body,
  parts: readonly string[],
  url: URL,
) => Promise<[number, object]>

const OK: [number, object] = [200, { status: 'ok' }]
const wrong = (message: string): [number, object] => [400, { error: message }]

/** A change of the simulator's state by hand; 409 when the state does not allow it. */
async function change({ writer, later }: Simulator, work: () => boolean): Promise<[number, object]> {
  const done = await writer.run(work)
  later.wake()
  return done ? OK : [409, { error: 'There is no such object, or its state does not allow that.' }]
}

/** Control calls for tests and newcomers. They are not signed, and accepted from this machine only. */
const ROUTES: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
  ['GET', /^\/faults$/, async ({ faults }) => [200, flat(faults)]],
  [
    'PUT',
    /^\/faults$/,
    async ({ faults }, body) => {
      const problem = faults.set(body)
      return problem === undefined ? [200, flat(faults)] : wrong(problem)
    },
  ],
  [
    'PUT',
    /^\/faults\/next$/,
    async ({ faults }, body) => {
      const problem = faults.arm(body)
      return problem === undefined ? OK : wrong(problem)
    },
  ],
  ['POST', /^\/release$/, async ({ calls }) => [200, { released: calls.release() }]],
  [
    'GET',
    /^\/calls$/,
    async ({ calls }, _body, _parts, url) => {
      const wait = conditionOf(url.searchParams)
      if (wait) await calls.reached(...wait)
      return [200, calls.summary()]
    },
  ],
  [
    'POST',
    /^\/finish$/,
    async ({ later }) => {
      await later.finishAll()
      return OK
    },
  ],
  [
    'PUT',
    /^\/notify$/,
    async ({ later }, body) => {
      const to = text(body['url'])
      if (to !== '' && !/^https?:\/\//.test(to)) return wrong('url must be an http or https URL, or empty')
      await later.notify(to)
      return OK
    },
  ],
  [
    'POST',
    /^\/disputes$/,
    async (simulator, body) => {
      const { amount, evidence_due_at: due } = body
      if (amount !== undefined && !Number.isSafeInteger(amount)) return wrong('amount must be a whole number')
      const dueAt = due === undefined || due === null ? due : Date.parse(text(due))
      if (Number.isNaN(dueAt)) return wrong('evidence_due_at must be a time, or null')
      let dispute: string | undefined
      const opened = await change(simulator, () => {
        dispute = simulator.processor.openDispute(text(body['payment']), amount as number | undefined, dueAt)
        return dispute !== undefined
      })
      return dispute === undefined ? opened : [201, { dispute }]
    },
  ],
  [
    'POST',
    /^\/disputes\/([^/]+)$/,
    async (simulator, { status }, [id = '']) => {
      if (status !== 'won' && status !== 'lost') return wrong('status must be won or lost')
      return change(simulator, () => simulator.processor.endDispute(id, status))
    },
  ],
  [
    'POST',
    /^\/refunds\/([^/]+)\/fail$/,
    (simulator, _body, [reference = '']) =>
      change(simulator, () => simulator.processor.failRefund(reference)),
  ],
  [
    'POST',
    /^\/payments\/([^/]+)\/expire$/,
    (simulator, _body, [id = '']) => change(simulator, () => simulator.processor.expire(id)),
  ],
]

function flat({ settings }: Faults): object {
  const { rates, ...rest } = settings
  return { ...rest, ...rates }
}

/** Handles a control call; false if the path is none of these. */
export async function control(
  simulator: Simulator,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<boolean> {
  const statement = url.pathname === '/statement' && request.method === 'GET'
  const route = ROUTES.find(([method, path]) => method === request.method && path.test(url.pathname))
  if (!route && !statement) return false
  if (!/^(::ffff:)?127\.|^::1$/.test(request.socket.remoteAddress ?? '')) {
    sendJson(response, 403, { error: 'The simulator accepts control calls only from its own machine.' })
    return true
  }
  if (!route) {
    await sendStatement(simulator.file, response)
    return true
  }
  const [, path, handler] = route
  const bytes = await readBody(request)
  const body = bytes === undefined ? undefined : bytes.length === 0 ? {} : parseObject(bytes)
  const parts = path.exec(url.pathname)?.slice(1) ?? []
  const [status, reply] = body
    ? await handler(simulator, body, parts, url)
    : wrong('The body is not a JSON object.')
  sendJson(response, status, reply)
  return true
}
