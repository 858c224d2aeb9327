import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isSigned } from '../signing.ts'
import { Calls } from './calls.ts'
import { confirm } from './confirm.ts'
import { control, type Simulator } from './control.ts'
import { groupedWriter, openSimulatorDatabase } from './database.ts'
import { createFaults, type Fault, OPERATIONS, type Operation } from './faults.ts'
import { type Body, parseObject, readBody, sendJson } from './json.ts'
import { Later } from './later.ts'
import { Processor, type ProcessorResponse, refusal } from './processor.ts'
import { tables as tablesOf } from './rows.ts'

export type SimulatorOptions = {
  readonly host: string
  readonly port: number
  readonly database: string
  /** The secret that it shares with its one client, and its key. */
  readonly secret: { readonly text: string; readonly key: Buffer }
  /** The URL for notifications; null leaves the last one of `PUT /notify`. */
  readonly notify: URL | null
}

export type RunningSimulator = {
  /** Such as http://127.0.0.1:9001. */
  readonly address: string
  close(): Promise<void>
}

/**
 * A payment processor for experiments: it speaks the protocol of docs/provider-protocol.md, stores its payments in a
 * file of its own, and misbehaves on request. Throws if it cannot use the port or the file.
 */
export async function startSimulator(options: SimulatorOptions): Promise<RunningSimulator> {
  const { host, port, database, secret, notify } = options
  const db = openSimulatorDatabase(database)
  const tables = tablesOf(db)
  const writer = groupedWriter(db)
  const faults = createFaults()
  let address = ''
  const processor = new Processor({
    tables,
    now: Date.now,
    lateMs: () => faults.settings.late_ms,
    secret: secret.text,
    confirmUrl: (payment) => `${address}/confirm/${payment}`,
  })
  const later = new Later({ tables, writer, processor, key: secret.key, now: Date.now })
  const simulator: Simulator = { file: database, writer, processor, faults, calls: new Calls(), later }
  const server = createServer((request, response) => {
    // The simulator ignores a client that disconnects before its response.
    respond(simulator, secret.key, request, response).catch(() => response.destroy())
  })
  // Longer than clients keep their connections, so that none is closed during a call.
  server.keepAliveTimeout = 65_000
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, resolve)
    })
  } catch (error) {
    later.stop()
    db.close()
    throw error
  }
  const bound = server.address() as AddressInfo
  address = `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
  if (notify) await later.notify(notify.href)
  return {
    address,
    async close() {
      later.stop()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      // The work of this turn of the event loop is still written.
      await writer.run(() => undefined)
      db.close()
    },
  }
}

async function respond(
  simulator: Simulator,
  key: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://simulator')
  const operation = OPERATIONS.find((one) => url.pathname === `/${one}`)
  if (operation && request.method === 'POST') return serve(simulator, key, operation, request, response)
  if (await control(simulator, request, response, url)) return
  if (await confirm(simulator, request, response, url)) return
  sendJson(response, 404, { error: 'There is no such route.' })
}

/** Handles one call of the protocol, with its fault. */
async function serve(
  simulator: Simulator,
  key: Buffer,
  operation: Operation,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await readBody(request)
  if (!bytes) return send(response, refusal(413, 'too_large', 'The body is larger than 64 KiB.'))
  simulator.calls.count('received', operation)
  if (!isSigned(key, request.headers, bytes, Date.now()))
    return send(response, refusal(401, 'signature_invalid', 'The signature is wrong.'))
  const body = parseObject(bytes)
  if (!body || body['operation'] !== operation)
    return send(response, refusal(400, 'invalid_request', 'The body is not of this operation.'))
  const fault = simulator.faults.next(operation, body)
  if (simulator.faults.settings.latency_ms > 0) await sleep(simulator.faults.settings.latency_ms)
  if (fault === 'hang') return
  if (fault === 'cut_before') return void response.destroy()
  if (fault === 'error') return sendJson(response, 500, { error: 'Nothing was done.' })
  if (fault === 'reused_reference')
    return send(response, refusal(409, 'reference_reused', 'This reference was used for another call.'))
  if (fault === 'hold_before') await simulator.calls.hold()

  const result = await simulator.writer.run(() => carryOut(simulator, operation, body, fault))
  if (fault === 'late') simulator.later.wake()
  simulator.calls.count('done', operation)

  if (fault === 'hold_after') await simulator.calls.hold()
  return misbehave(
    response,
    { ...result, body: { ...result.body, request_reference: body['reference'] } },
    fault,
  )
}

function carryOut(
  { processor }: Simulator,
  operation: Operation,
  body: Body,
  fault: Fault | undefined,
): ProcessorResponse {
  if (operation === 'lookup') return processor.lookup(body)
  if (operation === 'authorize') return processor.authorize(body, fault)
  return processor.followUp(operation, body, fault)
}

function send(response: ServerResponse, { status, body }: ProcessorResponse): void {
  sendJson(response, status, body)
}

const GIGABYTE = 1024 ** 3

/** The operation is stored; the fault decides the response. */
async function misbehave(
  response: ServerResponse,
  reply: ProcessorResponse,
  fault: Fault | undefined,
): Promise<void> {
  const text = JSON.stringify(reply.body)
  switch (fault) {
    case 'cut_after':
      return void response.destroy()
    case 'error_after':
      return sendJson(response, 500, { error: 'Something went wrong.' })
    case 'html':
      response.writeHead(502, { 'content-type': 'text/html' })
      return void response.end('<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>')
    case 'half_json':
      response.writeHead(reply.status, { 'content-type': 'application/json' })
      return void response.end(text.slice(0, text.length / 2))
    case 'empty':
      return void response.writeHead(200).end()
    case 'huge':
      return pour(response)
    case 'wrong_amount':
    case 'wrong_currency':
      return send(response, { ...reply, body: falsified(reply.body, fault) })
    default:
      return send(response, reply)
  }
}

function falsified(body: object, fault: 'wrong_amount' | 'wrong_currency'): object {
  if (!('amount' in body) || !('currency' in body)) return body
  return fault === 'wrong_amount'
    ? { ...body, amount: Number(body.amount) * 2 }
    : { ...body, currency: body.currency === 'eur' ? 'usd' : 'eur' }
}

/** A gigabyte of JSON, as long as the client reads it. */
async function pour(response: ServerResponse): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024, ' ')
  response.writeHead(200, { 'content-type': 'application/json' })
  for (let sent = 0; sent < GIGABYTE && !response.destroyed; sent += chunk.length)
    if (!response.write(chunk))
      await new Promise<void>((resolve) => {
        response.once('drain', resolve).once('close', resolve)
      })
  response.end()
}
