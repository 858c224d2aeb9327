import { signatureHeaders } from '../signing.ts'
import type { Writer } from './database.ts'
import type { Processor } from './processor.ts'
import type { NotificationRow, Tables } from './rows.ts'

/** A notification that is not accepted is sent again after 0.1, 0.2, 0.4, … s, at most 30 s, so many times in all. */
const MAX_TRIES = 12
const FIRST_RETRY_MS = 100
const MAX_RETRY_MS = 30_000
const ANSWER_MS = 10_000
/** Notifications in flight at once. */
const MAX_SENDING = 32

type Options = {
  readonly tables: Tables
  readonly writer: Writer
  readonly processor: Processor
  readonly key: Buffer
  readonly now: () => number
}

/**
 * The simulator's own later work: late operations and notifications. Both are in the database, so they survive a
 * restart.
 */
export class Later {
  readonly #options: Options
  readonly #stopped = new AbortController()
  readonly #sending = new Set<string>()
  #url: string
  #timer: NodeJS.Timeout | undefined

  constructor(options: Options) {
    this.#options = options
    this.#url = options.tables.setting('notify') ?? ''
    this.wake()
  }

  /** Checks for new work after a commit. */
  wake(): void {
    this.#plan(0)
  }

  /** Completes every late operation now. */
  async finishAll(): Promise<void> {
    await this.#finish(Number.MAX_SAFE_INTEGER)
    this.wake()
  }

  /** Sends notifications there from now on; none when empty. */
  async notify(url: string): Promise<void> {
    const { tables, writer } = this.#options
    this.#url = url
    await writer.run(() => tables.putSetting('notify', url))
    this.wake()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#stopped.abort()
  }

  #plan(ms: number): void {
    clearTimeout(this.#timer)
    if (!this.#stopped.signal.aborted) this.#timer = setTimeout(() => this.#work(), Math.max(ms, 0))
  }

  async #work(): Promise<void> {
    const { tables, now } = this.#options
    await this.#finish(now())
    const notes = this.#url === '' ? [] : tables.dueNotifications(now(), MAX_SENDING)
    for (const note of notes.filter(({ id }) => !this.#sending.has(id))) {
      this.#sending.add(note.id)
      this.#send(note)
        .finally(() => this.#sending.delete(note.id))
        .then(() => this.wake())
    }
    // Those that are due and in flight wake it when they end.
    const next = tables.nextDue(now(), this.#url !== '')
    if (next !== null) this.#plan(next - now())
  }

  async #finish(until: number): Promise<void> {
    const { tables, writer, processor } = this.#options
    for (let due = tables.lateOperations(until); due.length > 0; due = tables.lateOperations(until))
      await writer.run(() => {
        for (const reference of due) processor.finish(reference)
      })
  }

  async #send({ id, about, reference, tries }: NotificationRow): Promise<void> {
    const { tables, writer, key, now } = this.#options
    const body = JSON.stringify({ id, about, reference })
    const taken = await this.#post(body, signatureHeaders(key, id, now(), body))
    if (this.#stopped.signal.aborted) return
    const due_at = now() + Math.min(FIRST_RETRY_MS * 2 ** tries, MAX_RETRY_MS)
    await writer.run(() => {
      if (taken || tries + 1 >= MAX_TRIES) tables.dropNotification(id)
      else tables.putNotification({ id, about, reference, tries: tries + 1, due_at })
    })
  }

  /** True if the response was 2xx. */
  async #post(body: string, signature: Record<string, string>): Promise<boolean> {
    const headers = { 'content-type': 'application/json', ...signature }
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(ANSWER_MS)])
    try {
      const response = await fetch(this.#url, { method: 'POST', headers, body, redirect: 'manual', signal })
      await response.body?.cancel()
      return response.ok
    } catch {
      return false
    }
  }
}
