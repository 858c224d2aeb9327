/** Answers without what two servers may differ in: ids by their names, times, and the order within a race. */
import type { Names } from './names.ts'

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }
type Fields = Readonly<Record<string, Json>>

export type Received = {
  readonly path: string
  readonly status: number
  readonly headers: Headers
  /** The body as it came. */
  readonly text: string
}

/** Those that are the connection's own, or as long as an id is. */
const HEADERS_APART = new Set(['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding'])
const TIMES = new Set([
  'created_at',
  'evidence_due_at',
  'closed_at',
  'refunded_at',
  'expires_at',
  'started_at',
  'ended_at',
  'next_attempt_at',
  'settled_at',
  'next_lookup_at',
  'last_verified_at',
  'unknown_since',
])
/** Times that an object keeps. */
const FIXED_TIMES = ['created_at', 'refunded_at', 'started_at'] as const
/** How long something took, and who was the first to notice how it ended. */
const MEASURED = new Set(['duration_ms', 'lookups', 'resolved_by', 'breaker', 'window'])
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** One server's answers. */
export class Canonical {
  readonly #names: Names
  readonly #times = new Map<string, Json>()

  constructor(names: Names) {
    this.#names = names
  }

  /** An answer as a text that is the same where the servers did the same. */
  answer(received: Received): string {
    const { status, headers } = received
    const id = headers.get('x-request-id')
    const told = [...headers]
      .filter(([name]) => !HEADERS_APART.has(name))
      .map(([name, value]) => (name === 'x-request-id' ? [name, '<request>'] : [name, value]))
    const body = parsed(received)
    const ours = isFields(body) && 'request_id' in body && body['request_id'] !== id ? '<not its own>' : ''
    return JSON.stringify([status, Object.fromEntries(told), this.#body(received.path, body), ours])
  }

  /** Objects of a list, wholly read. */
  list(path: string, items: readonly Json[]): string {
    return JSON.stringify(this.#runs(path, items, false))
  }

  #body(path: string, body: Json): Json {
    if (!isFields(body) || !Array.isArray(body['data'])) return this.#object(path, body)
    const epoch = 'epoch' in body && { epoch: '<epoch>' }
    return { ...body, ...epoch, data: this.#runs(path, body['data'], true) }
  }

  /**
   * What is of one race stands in no order; where a page may have cut it, which of it is there is not told either,
   * only how much.
   */
  #runs(path: string, items: readonly Json[], isCut: boolean): Json[] {
    const runs: { race: string | undefined; items: string[] }[] = []
    for (const item of items) {
      const text = JSON.stringify(this.#object(path, item))
      const race = this.#raceOf(path, item)
      const last = runs.at(-1)
      if (race !== undefined && last?.race === race) last.items.push(text)
      else runs.push({ race, items: [text] })
    }
    return runs.map(({ race, items: texts }, i) => {
      if (race === undefined) return texts[0] ?? null
      const edge = isCut && (i === 0 || i === runs.length - 1)
      return { race, items: edge ? texts.length : texts.sort() }
    })
  }

  #raceOf(path: string, item: Json): string | undefined {
    if (!isFields(item)) return undefined
    const sequence = item['event_sequence'] ?? item['sequence']
    if (typeof sequence === 'number') return this.#names.raceAt(numberedIn(path), sequence)
    const id = path.includes('/refunds') ? item['refund_id'] : item['id']
    return typeof id === 'string' ? this.#names.raceOf(id) : undefined
  }

  #object(path: string, value: Json): Json {
    if (isFields(value)) this.#nameByNumber(path, value)
    return this.#masked(path, value, '')
  }

  /** Events and their deliveries are called by the event's number. */
  #nameByNumber(path: string, item: Fields): void {
    const sequence = item['event_sequence'] ?? item['sequence']
    if (typeof sequence !== 'number' || typeof item['id'] !== 'string') return
    const name = this.#names.raceAt('event', sequence) ?? sequence
    this.#names.give(item['id'], `${path.includes('deliveries') ? 'dlv' : 'evt'} ${name}`)
  }

  #masked(path: string, value: Json, field: string): Json {
    if (typeof value === 'string') return this.#text(value, field)
    if (typeof value === 'number') {
      if (field === 'sequence' || field === 'event_sequence')
        return this.#names.raceAt(numberedIn(path), value) ?? value
      return MEASURED.has(field) ? '<measured>' : value
    }
    if (value === null || typeof value === 'boolean') return value
    if (MEASURED.has(field)) return '<measured>'
    if (Array.isArray(value)) return value.map((item) => this.#masked(path, item, field))
    const fields = value as Fields
    const said = Object.entries(fields).map(([name, part]) => [name, this.#masked(path, part, name)])
    return { ...Object.fromEntries(said), ...this.#unsteady(fields) }
  }

  #text(value: string, field: string): string {
    if (field === 'request_id') return '<request>'
    if (field === 'epoch') return '<epoch>'
    if (MEASURED.has(field)) return '<measured>'
    if (TIMES.has(field) && TIME.test(value)) return '<time>'
    return this.#names.in(value.replace(/http:\/\/127\.0\.0\.1:\d+/g, '<bank>'))
  }

  /** An object whose time is another one than it was says so. */
  #unsteady(fields: Fields): Fields {
    // What a webhook tells has the time of its event.
    const id = fields['event_id'] ?? fields['refund_id'] ?? fields['id']
    for (const name of FIXED_TIMES) {
      const time = fields[name]
      if (typeof id !== 'string' || time === undefined) continue
      const key = `${id} ${name}`
      const before = this.#times.get(key) ?? time
      this.#times.set(key, before)
      if (before !== time) return { [name]: `<was another time>` }
    }
    return {}
  }
}

function numberedIn(path: string): 'event' | 'entry' {
  return path.includes('/ledger/') ? 'entry' : 'event'
}

/** Integers past 2^53 as the digits that were sent. */
export function parsed({ headers, text }: Pick<Received, 'headers' | 'text'>): Json {
  if (text === '' || !headers.get('content-type')?.includes('json')) return text
  if (!/\d{16}/.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_key, value: Json, context?: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? (context?.source ?? value) : value,
  )
}

export function isFields(value: Json | undefined): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export type { Fields, Json }
