/**
 * Sends webhooks in a thread of their own: to write a request, to read its response and TLS take CPU time that requests
 * of the API need, and no receiver can hold up the main thread.
 */
import { Worker } from 'node:worker_threads'
import type { DeliveryAttempt } from '../domain/delivery.ts'
import { PassingMap } from '../domain/passing-map.ts'
import type { WebhookEndpoint } from '../domain/webhooks/endpoint.ts'
import type { Log } from '../ports/log.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { WebhookClient, WebhookClients } from '../workers/webhooks/client.ts'
import { Draft, type MessageParts, type Stamp, unsent } from '../workers/webhooks/message.ts'
import type { FromSender, SenderData, TaskKind, ToSender } from './messages.ts'

export type SenderOptions = {
  readonly data: SenderData
  /** Clients of this thread, for when the other one cannot start. */
  readonly fallback: Pick<WebhookClients, 'of'>
  readonly log: Log
  readonly runtime: Pick<Runtime, 'nextTurn' | 'after'>
  /** The file of the thread; a test has another one. */
  readonly boot?: URL
}

/**
 * A thread that has not closed a client after this time, in ms, hangs. Shorter than the time that a process has for its end
 * once its grace period is over (`serve`).
 */
const CLOSE_MS = 1_000
const BOOT = new URL('./boot.js', import.meta.url)

const CLOSED: DeliveryAttempt = { kind: 'no_answer', error: 'the client is closed' }
const LOST: DeliveryAttempt = { kind: 'no_answer', error: 'the thread that sends webhooks ended' }

/**
 * Clients of endpoints as `createWebhookClients` makes them. The thread makes and sends drafts; other messages are sent from
 * this thread. It starts with the first and ends after the last, so
 * a server without endpoints has none. If it fails, the attempts in flight end without a response, and the next one
 * starts another. If it cannot start, as when an upgrade has replaced its files, the clients of this thread send. If it does
 * not close a client in time, it is ended, and so are all its attempts.
 */
export function createSender(options: SenderOptions): Pick<WebhookClients, 'of'> {
  let thread: SenderThread | undefined
  let isUseless = false
  let clients = 0
  let numbers = 0

  function present(): SenderThread {
    if (!thread?.isAlive()) thread = new SenderThread(options)
    return thread
  }

  function clientOf(endpoint: Pick<WebhookEndpoint, 'id' | 'url'>): WebhookClient {
    const number = ++numbers
    clients++
    let used: SenderThread | undefined
    let own: WebhookClient | undefined
    let isClosed = false
    const here = () => (own ??= options.fallback.of(endpoint))

    async function sendHere(draft: Draft): Promise<DeliveryAttempt> {
      try {
        return await here().send(draft.made())
      } catch (error) {
        return unsent(error)
      }
    }

    function tell({ delivery, event }: MessageParts, err: string): void {
      const fields = { delivery, event: event.id, endpoint: endpoint.id, err }
      options.log.error(fields, 'The body of a webhook cannot be rendered.')
    }

    function threadOf(): SenderThread {
      if (used?.isAlive()) return used
      used = present()
      used.open(number, endpoint)
      return used
    }
    if (!isUseless) threadOf()

    return {
      host: URL.parse(endpoint.url)?.host ?? '',
      async send(message) {
        if (isClosed) return CLOSED
        if (!(message instanceof Draft)) return here().send(message)
        const end = isUseless ? undefined : await threadOf().send(number, message.parts)
        if (end === undefined) isUseless = true
        const attempt = end ?? (isClosed ? CLOSED : await sendHere(message))
        if (attempt.kind === 'no_answer' && attempt.unsent) tell(message.parts, attempt.error)
        return attempt
      },
      async destroy() {
        if (isClosed) return
        isClosed = true
        await Promise.all([used?.close(number), own?.destroy()])
        if (--clients > 0) return
        thread?.end()
        thread = undefined
      },
    }
  }

  return { of: clientOf }
}

class SenderThread {
  readonly #worker: Worker
  readonly #runtime: SenderOptions['runtime']
  readonly #log: Log
  readonly #sent = new PassingMap<number, (end: DeliveryAttempt | undefined) => void>()
  readonly #closing = new Map<number, () => void>()
  /** What the thread has of each client. */
  readonly #stamps = new Map<number, Stamp>()
  #tasks: ToSender[number][] = []
  #attempts = 0
  /** It has loaded its modules, and sends. */
  #hasStarted = false
  #isAlive = true
  #isEnding = false

  constructor({ data, log, runtime, boot = BOOT }: SenderOptions) {
    this.#runtime = runtime
    this.#log = log
    this.#worker = new Worker(boot, { workerData: data })
    this.#worker.unref()
    this.#worker.on('message', (results: FromSender) => {
      this.#hasStarted = true
      for (let i = 0; i < results.length; i += 2) this.#take(results[i] as number, results[i + 1])
      this.#rest()
    })
    const tell = (about: object) => {
      const then = this.#hasStarted ? 'MiniPay starts another one.' : 'MiniPay sends them without it.'
      log.error(about, `The thread that sends webhooks ended. ${then}`)
    }
    this.#worker.on('error', (error) => {
      tell({ err: error })
      this.#lose()
    })
    this.#worker.on('exit', (code) => {
      if (this.isAlive()) tell({ code })
      this.#lose()
    })
  }

  isAlive = (): boolean => this.#isAlive && !this.#isEnding

  open(client: number, { id, url }: Pick<WebhookEndpoint, 'id' | 'url'>): void {
    this.#add('open', client, id, url)
  }

  /** Undefined: the thread could not start, and has sent nothing. */
  send(client: number, { stamp, event, delivery, at }: MessageParts): Promise<DeliveryAttempt | undefined> {
    const attempt = ++this.#attempts
    return new Promise((resolve) => {
      this.#await()
      this.#sent.set(attempt, resolve)
      if (this.#stamps.get(client) !== stamp) this.#add('stamp', client, stamp)
      this.#stamps.set(client, stamp)
      const { sequence, id, type, createdAt, data, epoch } = event
      this.#add('send', client, attempt, delivery, at, sequence, id, type, createdAt, data, epoch)
    })
  }

  /** Resolves once its attempts have ended. */
  close(client: number): Promise<void> {
    if (!this.#isAlive) return Promise.resolve()
    return new Promise((resolve) => {
      this.#await()
      const timer = this.#runtime.after(CLOSE_MS, () => this.#abandon())
      this.#closing.set(client, () => {
        timer.cancel()
        resolve()
      })
      this.#stamps.delete(client)
      this.#add('close', client)
    })
  }

  /** It hangs. What waits for it ends now, whenever the thread does. */
  #abandon(): void {
    if (!this.#isAlive) return
    this.#log.error({}, 'The thread that sends webhooks hangs. MiniPay ends it.')
    this.#lose()
    this.#worker.unref()
    void this.#worker.terminate()
  }

  end(): void {
    this.#isEnding = true
    this.#add('end', 0)
  }

  /** Those of one turn go together. */
  #add(kind: TaskKind, client: number, ...values: ToSender): void {
    if (this.#tasks.length === 0)
      this.#runtime.nextTurn(() => {
        const tasks = this.#tasks
        this.#tasks = []
        this.#worker.postMessage(tasks)
      })
    this.#tasks.push(kind, client, ...values)
  }

  #take(number: number, end: FromSender[number] | undefined): void {
    if (number < 0) {
      this.#closing.get(-number)?.()
      this.#closing.delete(-number)
      return
    }
    const resolve = this.#sent.get(number)
    this.#sent.delete(number)
    resolve?.(typeof end === 'number' ? { kind: 'response', status: end } : (end ?? LOST))
  }

  #lose(): void {
    this.#isAlive = false
    for (const resolve of this.#sent.values()) resolve(this.#hasStarted ? LOST : undefined)
    for (const resolve of this.#closing.values()) resolve()
    this.#sent.clear()
    this.#closing.clear()
  }

  /** Only what somebody waits for keeps the process alive. */
  #await(): void {
    if (this.#sent.size + this.#closing.size === 0) this.#worker.ref()
  }

  #rest(): void {
    if (this.#sent.size + this.#closing.size === 0) this.#worker.unref()
  }
}
