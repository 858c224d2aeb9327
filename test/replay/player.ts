/** Plays a log's operations against one server, and tells what came of each in words that two servers share. */
import { setImmediate } from 'node:timers/promises'
import { until } from '../kit/client.ts'
import { Canonical, type Fields, isFields, type Json, parsed, type Received } from './canonical.ts'
import type { Operation, Request } from './log.ts'
import { Names } from './names.ts'
import type { World } from './world.ts'

/** What came of an operation. */
export type Told = {
  /** The same on both servers. */
  readonly canonical: readonly string[]
  /** What was answered, for people. */
  readonly raw: readonly string[]
}

/** Longer than any two clocks of one machine differ, in ms. */
const TICK_MS = 5
const PAGE = 100
const EVENTS = '/api/v1/events'
const ENTRIES = '/api/v1/ledger/entries'
const ATTEMPTS = '/api/v1/attempts'

/** All that can be listed: a census walks it. */
const LISTS = [
  ...['charges', 'refunds', 'events', 'ledger/entries'],
  ...['attempts', 'disputes', 'alarms', 'webhook_deliveries'],
]
const WHOLE = ['ledger/accounts', 'balance', 'routing']
/** The metrics that count money and deliveries, or faults of ours. */
const METRICS =
  /^minipay_(charges|refunds|webhook_deliveries|webhook_retries|attempts|alarms_open|provider_alarms_total|provider_notifications_total|errors_total)\b.*/gm

type Seen = {
  readonly events: readonly Json[]
  readonly entries: readonly Json[]
  readonly attempts: string[]
}

export class Player {
  readonly #world: World
  readonly #names = new Names()
  readonly #canonical = new Canonical(this.#names)
  /** What braces stand for. */
  readonly #made = new Map<string, string>()
  readonly #last = { event: 0, entry: 0, attempt: '' }

  constructor(world: World) {
    this.#world = world
  }

  async play(operation: Operation, index: number): Promise<Told> {
    switch (operation.kind) {
      case 'send':
        return this.#told(await this.#sent(operation.request, String(index)))
      case 'race':
        return this.#race(operation, index)
      case 'walk':
        return this.#walk(operation.path, operation.limit)
      case 'bank':
        await this.#world.bank.control('POST', this.#filled(operation.path), this.#filledBody(operation.body))
        return NOTHING
      case 'await':
        return this.#awaited(operation.path, new RegExp(operation.match), String(index))
      case 'tick':
        for (const from = Date.now(); Date.now() <= from + TICK_MS; ) await setImmediate()
        return NOTHING
      case 'quiet':
        return this.#quiet()
      case 'census':
        return this.#census()
      case 'restart':
        await this.#world.restart(operation.providers)
        return NOTHING
    }
  }

  /** Every webhook that came, in no order. */
  webhooks(): string[] {
    const told = this.#world.webhooks.received.map(({ headers, body }) => {
      const json = new Headers({ 'content-type': 'application/json' })
      const path = '/webhook'
      return `${headers['x-webhook-event']} ${this.#canonical.answer({ path, status: 200, headers: json, text: body })}`
    })
    return told.sort()
  }

  async #sent(request: Request, index: string): Promise<Received> {
    const received = await this.#send(request)
    this.#remember(received, index)
    return received
  }

  async #send({ method, path, key, headers = {}, body }: Request): Promise<Received> {
    const to = this.#filled(path)
    const response = await fetch(this.#world.node.url + to, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
        ...headers,
      },
      ...(body !== undefined && { body: this.#filled(body) }),
    })
    return { path: to, status: response.status, headers: response.headers, text: await response.text() }
  }

  #get(path: string): Promise<Received> {
    return this.#send({ method: 'GET', path })
  }

  #told(...all: readonly Received[]): Told {
    return {
      canonical: all.map((received) => this.#canonical.answer(received)),
      raw: all.map(({ status, text }) => `${status} ${text}`),
    }
  }

  /** Remembers what later operations may name. */
  #remember({ path, headers, text }: Received, index: string): void {
    const body = parsed({ headers, text })
    if (!isFields(body)) return
    const object = isFields(body['charge'])
      ? body['charge']
      : isFields(body['refund'])
        ? body['refund']
        : body
    const { id, refund_id, provider_reference: reference, created_at: time } = object
    const made = { txn: id, re: refund_id, ref: reference, time }
    for (const [kind, value] of Object.entries(made))
      if (typeof value === 'string') this.#made.set(`${kind}:${index}`, value)
    if (typeof body['version'] === 'number') this.#made.set('version:0', String(body['version']))
    const list = body['data']
    if (!Array.isArray(list)) return
    const kind = path.includes('webhook_deliveries') ? 'dlv' : path.includes('/disputes') ? 'dp' : 'item'
    for (const [i, item] of list.entries()) {
      const of = isFields(item) ? (kind === 'dp' ? item['provider_reference'] : item['id']) : undefined
      if (typeof of === 'string') this.#made.set(`${kind}:${i}`, of)
    }
  }

  /** A text with what its braces stand for; what was never made is called `none`. */
  #filled(text: string): string {
    return text.replace(/\{(\w+):([\d.]+)\}/g, (_, kind: string, which: string) => {
      if (kind === 'event' || kind === 'entry')
        return String(this.#names.outsideRaces(kind, Math.floor(Number(which) * this.#last[kind])))
      return this.#made.get(`${kind}:${which}`) ?? `${kind}_none`
    })
  }

  #filledBody(body: object): unknown {
    return JSON.parse(this.#filled(JSON.stringify(body)))
  }

  async #race({ of, requests }: Extract<Operation, { kind: 'race' }>, index: number): Promise<Told> {
    const before = await this.#news()
    const { event, entry } = { ...this.#last }
    const answers = await Promise.all(requests.map((request, i) => this.#sent(request, `${index}.${i}`)))
    const race = `race ${index}`
    if (of === 'either') this.#nameWinner(requests, answers)
    for (const [i, { text }] of answers.entries())
      this.#names.giveAll(text, race, of === 'each' ? ` #${i}` : '')
    const after = await this.#news()
    this.#names.giveRange('event', race, event, this.#last.event)
    this.#names.giveRange('entry', race, entry, this.#last.entry)
    for (const attempt of after.attempts) this.#names.giveAll(attempt, race, '')
    const { canonical, raw } = this.#told(...answers)
    return {
      canonical: [...this.#effects(before), ...canonical.toSorted(), ...this.#effects(after)],
      raw,
    }
  }

  /** Of two bodies under one key, the one that was done. */
  #nameWinner(requests: readonly Request[], answers: readonly Received[]): void {
    const won = requests[answers.findIndex(({ status }) => status < 300)]?.body ?? ''
    const [token = ''] = /either-\d+-[ab]/.exec(won) ?? []
    const stem = token.slice(0, -1)
    for (const side of ['a', 'b'])
      this.#names.give(stem + side, `${stem}${token.endsWith(side) ? 'won' : 'lost'}`)
  }

  #effects({ events, entries }: Seen): string[] {
    return [this.#canonical.list(EVENTS, events), this.#canonical.list(ENTRIES, entries)]
  }

  /** What was stored since this was asked last; attempts as text. */
  async #news(): Promise<Seen> {
    const events: Json[] = []
    for (let more = true; more; ) {
      const page = await this.#page(`${EVENTS}?limit=${PAGE}&after=${this.#last.event}`)
      events.push(...page.data)
      this.#last.event = Number(page.data.at(-1)?.['sequence'] ?? this.#last.event)
      more = page.more
    }
    const entries = await this.#newer(
      ENTRIES,
      'before',
      (item) => Number(item['sequence']) > this.#last.entry,
    )
    this.#last.entry = Number(entries[0]?.['sequence'] ?? this.#last.entry)
    const attempts = await this.#newer(
      ATTEMPTS,
      'starting_after',
      (item) => String(item['id']) > this.#last.attempt,
    )
    this.#last.attempt = String(attempts[0]?.['id'] ?? this.#last.attempt)
    return { events, entries, attempts: attempts.map((attempt) => JSON.stringify(attempt)) }
  }

  /** Of a list with the newest first, those that are new. */
  async #newer(path: string, cursor: string, isNew: (item: Fields) => boolean): Promise<Fields[]> {
    const found: Fields[] = []
    for (let next = ''; ; ) {
      const { data, more } = await this.#page(`${path}?limit=${PAGE}${next}`)
      const fresh = data.filter(isNew)
      found.push(...fresh)
      if (!more || fresh.length < data.length) return found
      next = `&${cursor}=${lastOf(path, data)}`
    }
  }

  async #page(path: string): Promise<{ data: Fields[]; more: boolean }> {
    const received = await this.#get(path)
    const body = parsed(received)
    if (!isFields(body) || !Array.isArray(body['data']))
      throw new Error(`${this.#world.engine}: GET ${path}: ${received.status} ${received.text}`)
    return { data: body['data'].filter(isFields), more: body['has_more'] === true }
  }

  async #walk(path: string, limit: number): Promise<Told> {
    const pages: Received[] = []
    const base = `${path}${path.includes('?') ? '&' : '?'}limit=${limit}`
    for (let next = ''; ; ) {
      const received = await this.#get(`${base}${next}`)
      pages.push(received)
      const body = parsed(received)
      const data = isFields(body) && Array.isArray(body['data']) ? body['data'].filter(isFields) : []
      if (!isFields(body) || body['has_more'] !== true || data.length === 0) return this.#told(...pages)
      next = `&${cursorOf(path)}=${lastOf(path, data)}`
    }
  }

  async #awaited(path: string, match: RegExp, index = ''): Promise<Told> {
    const received = await until(
      () => this.#get(path),
      ({ text }) => match.test(text),
    )
    this.#remember(received, index)
    return this.#told(received)
  }

  async #quiet(): Promise<Told> {
    const { canonical, raw } = await this.#awaited('/metrics', /"pending_webhooks":0,/)
    const { text } = await this.#send({ method: 'GET', path: '/metrics', headers: { accept: 'text/plain' } })
    const lines = [...text.matchAll(METRICS)].map(([line]) => line).sort()
    return { canonical: [...canonical, ...lines], raw: [...raw, ...lines] }
  }

  async #census(): Promise<Told> {
    const quiet = await this.#quiet()
    const whole = this.#told(...(await Promise.all(WHOLE.map((name) => this.#get(`/api/v1/${name}`)))))
    const all = [quiet, whole]
    for (const name of LISTS) all.push(await this.#walk(`/api/v1/${name}`, PAGE))
    return { canonical: all.flatMap((part) => part.canonical), raw: all.flatMap((part) => part.raw) }
  }
}

const NOTHING: Told = { canonical: [], raw: [] }

function cursorOf(path: string): string {
  if (path.startsWith(EVENTS)) return 'after'
  return path.startsWith(ENTRIES) ? 'before' : 'starting_after'
}

/** What a page's cursor names: the number or the id of its last object. */
function lastOf(path: string, data: readonly Fields[]): string {
  const last = data.at(-1) ?? {}
  const name =
    cursorOf(path) !== 'starting_after' ? 'sequence' : path.includes('/refunds') ? 'refund_id' : 'id'
  return String(last[name])
}
