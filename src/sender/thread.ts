/** The thread that sends webhooks: it has the connections to all receivers. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { webhookBody } from '../api/webhooks/body.ts'
import type { DeliveryAttempt } from '../domain/delivery.ts'
import type { EventType } from '../domain/event.ts'
import { createEgress } from '../net/egress.ts'
import type { Timer } from '../ports/runtime.ts'
import type { StoredEvent } from '../ports/store.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { createWebhookClients, type WebhookClient, type WebhookMessage } from '../workers/webhooks/client.ts'
import { createMaker, type Stamp, unsent } from '../workers/webhooks/message.ts'
import {
  FORMAT,
  type FromSender,
  type SenderData,
  TASK_LENGTHS,
  type TaskKind,
  type ToSender,
} from './messages.ts'
import { createRecentEvents } from './recent-events.ts'

const { format, allowed, local, ports, connections } = workerData as SenderData
if (format !== FORMAT) throw new Error('The files of MiniPay have changed since it started. Start it again.')
const port = parentPort as MessagePort
const operator = createEgress(allowed)
const clients = createWebhookClients({
  operator,
  policy: { allowed: operator, local, ports: ports && new Set(ports) },
  connections,
  runtime: nodeRuntime,
})
/** How long a result waits for others, in ms, and for how many. */
const TOGETHER_MS = 5
const MOST_TOGETHER = 32
/** `stamp`: of its next messages. */
type Open = { readonly client: WebhookClient; stamp: Stamp | undefined }
const open = new Map<number, Open>()
const make = createMaker(webhookBody)
const recent = createRecentEvents()
let results: FromSender[number][] = []
/** Attempts in flight. */
let sending = 0
let late: Timer | undefined
let isFlushing = false

/**
 * Under load, results go together: to tell main of each alone would cost both threads a turn. They wait for those that are
 * still in flight, at most `TOGETHER_MS`.
 */
function report(number: number, end: DeliveryAttempt | number | null): void {
  results.push(number, end)
  late ??= nodeRuntime.after(TOGETHER_MS, flush)
  if (isFlushing || (sending > 0 && results.length < 2 * MOST_TOGETHER)) return
  isFlushing = true
  nodeRuntime.nextTurn(flush)
}

function flush(): void {
  isFlushing = false
  late?.cancel()
  late = undefined
  if (results.length > 0) port.postMessage(results)
  results = []
}

/** A status alone is the cheapest message. */
function shortest(attempt: DeliveryAttempt): DeliveryAttempt | number {
  if (attempt.kind !== 'response') return attempt
  const { status, retryAfter, answer, cut } = attempt
  return retryAfter === undefined && answer === undefined && cut === undefined ? status : attempt
}

/** The values of a task that begins there: see `ToSender`. */
function send({ client, stamp }: Open, tasks: ToSender, begin: number): void {
  const [attempt, delivery, at, sequence, id, type, createdAt, data, epoch] = tasks.slice(
    begin + 2,
    begin + TASK_LENGTHS.send,
  ) as [number, string, number, number, string, EventType, number, string, string]
  const event: StoredEvent = { sequence, id, type, createdAt, data, epoch }
  let message: WebhookMessage
  try {
    if (stamp === undefined) throw new Error('the message has no stamp')
    message = make({ stamp, event: open.size > 1 ? recent.shared(event) : event, delivery, at })
  } catch (error) {
    report(attempt, unsent(error))
    return
  }
  sending++
  void client.send(message).then((end) => {
    sending--
    report(attempt, shortest(end))
  })
}

/** A message between threads makes arrays of bytes of buffers. */
function received(stamp: Stamp): Stamp {
  const signers = stamp.signers.map(({ key, text, until }) => {
    return { key: Buffer.from(key), text: Buffer.from(text), until }
  })
  return { ...stamp, signers }
}

async function close(number: number, { client }: Open): Promise<void> {
  open.delete(number)
  await client.destroy()
  report(-number, null)
}

port.on('message', (tasks: ToSender) => {
  let at = 0
  while (at < tasks.length) {
    const kind = tasks[at] as TaskKind
    const number = tasks[at + 1] as number
    const client = open.get(number)
    if (kind === 'open') {
      const endpoint = { id: tasks[at + 2] as string, url: tasks[at + 3] as string }
      open.set(number, { client: clients.of(endpoint), stamp: undefined })
    } else if (kind === 'end') port.close()
    else if (client && kind === 'stamp') client.stamp = received(tasks[at + 2] as Stamp)
    else if (client && kind === 'send') send(client, tasks, at)
    else if (client) void close(number, client)
    at += TASK_LENGTHS[kind]
  }
})

port.postMessage([])
