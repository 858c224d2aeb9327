/**
 * Clients that are no customers: slow, greedy, vanishing and hostile ones, over bare sockets. Each comes again and again
 * until it is to leave. They get what they deserve; the server may hang up on them, but owes none of them a 500.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Draw, drawsFrom } from '../kit/draws.ts'
import type { ClusterNode } from '../kit/nodes.ts'
import type { Wanted } from './healthy.ts'
import { VISITS, type VisitName } from './visits.ts'

/** A connection of a stranger: everything received is looked through for answers, unless it never reads. */
export type Line = {
  readonly socket: Socket
  /** Resolves when it is written, or the connection has ended. */
  write(bytes: Buffer | string): Promise<void>
  /** Resolves with the status of the next answer; undefined when the connection ended before. */
  answer(): Promise<number | undefined>
  /** Resolves when it is closed, by whichever side. */
  readonly closed: Promise<void>
}

export type Guest = {
  readonly draw: Draw
  readonly url: string
  /** Undefined when nothing listens. */
  connect(): Promise<Line | undefined>
  /** Sooner when the strangers are to leave. */
  pause(ms: number): Promise<void>
  isLeaving(): boolean
  /** A charge that may be made or not: its key is noted before it is sent. Answers the whole request. */
  newCharge(currency?: string): { readonly head: string; readonly body: string }
  /** Reads metrics without taking the longest delay from those who look for it. */
  scrape(): Promise<unknown>
  found(wrong: string): void
  /** Whether the server has been up since the visit began: then it has no excuse. */
  hasNoExcuse(): boolean
}

export type Strangers = {
  /** How often each has come, and every status that was answered, by how often. */
  readonly visits: ReadonlyMap<string, number>
  readonly statuses: ReadonlyMap<number, number>
  readonly wrong: readonly string[]
  /** Resolves when all have gone. */
  leave(): Promise<void>
}

export type StrangersOptions = {
  readonly node: ClusterNode
  readonly seed: number
  /** How many of each kind come at once, and how long they stay away in between, in ms at most. */
  readonly crowd: Readonly<Record<VisitName, readonly [count: number, restMs: number]>>
  /** Longest stay of those who do nothing, or little. */
  readonly stayMs: number
  /** Notes a charge that may be made. */
  note(wanted: Wanted): string
  scrape(): Promise<unknown>
}

export function startStrangers({ node, seed, crowd, stayMs, note, scrape }: StrangersOptions): Strangers {
  const visits = new Map<string, number>()
  const statuses = new Map<number, number>()
  const wrong: string[] = []
  const sockets = new Set<Socket>()
  const leaving = new AbortController()
  const heard = (status: number) => {
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (status === 500) wrong.push('a stranger was answered 500')
  }

  async function line(): Promise<Line | undefined> {
    if (leaving.signal.aborted) return undefined
    const made = await openLine(node.url, heard)
    if (!made) return undefined
    sockets.add(made.socket)
    made.socket.once('close', () => sockets.delete(made.socket))
    if (leaving.signal.aborted) made.socket.destroy()
    return made
  }

  const pause = (ms: number) => delay(ms, undefined, { signal: leaving.signal }).catch(() => {})

  async function come(name: VisitName, draw: Draw, restMs: number): Promise<void> {
    while (!leaving.signal.aborted) {
      await pause(draw.between(0, restMs))
      if (!node.isUp() || leaving.signal.aborted) continue
      const deaths = node.deaths()
      const hasNoExcuse = () => node.isUp() && node.deaths() === deaths && !leaving.signal.aborted
      visits.set(name, (visits.get(name) ?? 0) + 1)
      await VISITS[name](
        {
          ...{ draw, url: node.url, connect: line, pause, scrape, hasNoExcuse },
          isLeaving: () => leaving.signal.aborted,
          newCharge: (currency = 'jpy') => chargeRequest(node.url, note, draw, currency),
          found: (what) => void wrong.push(`${name}: ${what}`),
        },
        stayMs,
      )
    }
  }

  const names = Object.keys(crowd) as VisitName[]
  const coming = names.flatMap((name, kind) => {
    const [count, restMs] = crowd[name]
    return Array.from({ length: count }, (_, i) => come(name, drawsFrom(seed + 1_000 * kind + i), restMs))
  })
  return {
    visits,
    statuses,
    wrong,
    async leave() {
      leaving.abort()
      for (const socket of sockets) socket.destroy()
      await Promise.all(coming)
    },
  }
}

function chargeRequest(url: string, note: StrangersOptions['note'], draw: Draw, currency: string) {
  const charge = { amount: draw.between(100, 50_000), currency, customer: 'cus_stranger', capture: true }
  const body = JSON.stringify(charge)
  const head = [
    'POST /api/v1/charges HTTP/1.1',
    `Host: ${new URL(url).host}`,
    'Content-Type: application/json',
    `Idempotency-Key: ${note(charge)}`,
  ].join('\r\n')
  return { head, body }
}

/** As in `HTTP/1.1 200 `. */
const STATUS_BYTES = 13

async function openLine(url: string, heard: (status: number) => void): Promise<Line | undefined> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  if (!isOpen) return undefined
  // A reset is one way to be closed.
  socket.on('error', () => {})
  let over = false
  let answers: number[] = []
  let waiting: ((status: number | undefined) => void)[] = []
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      over = true
      for (const one of waiting) one(undefined)
      resolve()
    })
  })
  let tail = ''
  socket.on('data', (piece) => {
    tail += piece.toString('latin1')
    for (const [, status] of tail.matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
      heard(Number(status))
      const [first, ...others] = waiting
      waiting = others
      if (first) first(Number(status))
      else answers.push(Number(status))
    }
    // A status line may come in two pieces, of which none is a whole one.
    tail = tail.slice(1 - STATUS_BYTES)
  })
  socket.once('end', () => socket.end())
  return {
    socket,
    closed,
    async write(bytes) {
      if (socket.destroyed || !socket.writable) return
      await Promise.race([new Promise((resolve) => socket.write(bytes, resolve)), closed])
    },
    answer() {
      const [first, ...others] = answers
      answers = others
      if (first !== undefined || over) return Promise.resolve(first)
      return new Promise((resolve) => waiting.push(resolve))
    },
  }
}
