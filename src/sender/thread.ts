/** The thread that sends webhooks: it has the connections to all receivers. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { DeliveryAttempt } from '../domain/delivery.ts'
import { createEgress } from '../net/egress.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { createWebhookClients, type LinedMessage, type WebhookClient } from '../workers/webhooks/client.ts'
import { FORMAT, type FromSender, type SenderData, TASK_LENGTH, type ToSender } from './messages.ts'

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
const open = new Map<number, WebhookClient>()
let results: FromSender[number][] = []

/** Those of one turn go together. */
function report(number: number, end: DeliveryAttempt | number | null): void {
  if (results.length === 0) nodeRuntime.nextTurn(flush)
  results.push(number, end)
}

function flush(): void {
  port.postMessage(results)
  results = []
}

/** A status alone is the cheapest message. */
function shortest(attempt: DeliveryAttempt): DeliveryAttempt | number {
  if (attempt.kind !== 'response') return attempt
  const { status, retryAfter, answer, cut } = attempt
  return retryAfter === undefined && answer === undefined && cut === undefined ? status : attempt
}

async function send(client: WebhookClient, attempt: number, message: LinedMessage): Promise<void> {
  report(attempt, shortest(await client.send(message)))
}

async function close(number: number, client: WebhookClient): Promise<void> {
  open.delete(number)
  await client.destroy()
  report(-number, null)
}

port.on('message', (tasks: ToSender) => {
  for (let at = 0; at < tasks.length; at += TASK_LENGTH) {
    const [kind, number, attempt, first, second] = tasks.slice(at, at + TASK_LENGTH) as Task
    const client = open.get(number)
    if (kind === 'open') open.set(number, clients.of({ id: first, url: second }))
    else if (kind === 'end') port.close()
    else if (client && kind === 'send') void send(client, attempt, { headers: first, body: second })
    else if (client) void close(number, client)
  }
})

type Task = [kind: string, client: number, attempt: number, first: string, second: string]

port.postMessage([])
