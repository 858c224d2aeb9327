/**
 * A person who examines open attempts and alarms, reads the liars' honest ledgers, and records the truth: resolves an
 * attempt, closes an alarm.
 */

import type { Draw } from '../../kit/draws.ts'
import { call } from '../../kit/http.ts'
import type { Liar } from './liar.ts'
import { type Deed, isReleased } from './truth.ts'

export type OpenAlarm = {
  readonly id: string
  readonly kind: string
  readonly attempt_id: string | null
  readonly transaction_id: string
  readonly provider: string
}
type OpenAttempt = {
  readonly id: string
  readonly kind: string
  readonly provider: string
  readonly amount: number
}
type Page<T> = { readonly data?: readonly T[] }

/** Answers that a person may get: it was done, or something else came first. */
const FINE = new Set([200, 400, 404, 409, 502, 503])

export type Person = {
  /** Looks at some of what is open, each with this chance. */
  visit(draw: Draw, chance: number): Promise<void>
  /** What was resolved and closed. */
  readonly done: { readonly resolved: number; readonly closed: number; readonly refused: number }
  readonly wrong: readonly string[]
}

export function person(url: string, liars: readonly Liar[]): Person {
  const done = { resolved: 0, closed: 0, refused: 0 }
  const wrong: string[] = []
  const deedOf = (id: string) => liars.map(({ truth }) => truth.deeds.get(id)).find(Boolean)

  /** What was only lost finds its end by itself, and a person who is too early may be wrong about it. */
  function isOfLies({ id }: OpenAttempt): boolean {
    const story = deedOf(id)?.story
    return story !== undefined && liars[0]?.temperOf(story) === 'lying'
  }

  async function post(path: string, body: object): Promise<boolean> {
    const answer = await call(url, 'POST', path, body).catch(() => undefined)
    if (answer && !FINE.has(answer.status))
      wrong.push(
        `a person's ${path} ${JSON.stringify(body)} answered ${answer.status} ${JSON.stringify(answer.body)}`,
      )
    if (answer?.status === 200) return true
    done.refused++
    return false
  }

  async function resolve({ id, amount }: OpenAttempt): Promise<void> {
    const path = `/api/v1/attempts/${id}/resolve`
    const deed = deedOf(id)
    const moved = deed ? movedBy(deed) : 0
    const body =
      deed === undefined || moved === 0
        ? { outcome: 'failed', note: 'It is not on the statement.' }
        : {
            outcome: 'succeeded',
            provider_reference: deed.name,
            ...(moved < amount && deed.asked.kind !== 'cancel' && { amount: moved }),
          }
    if (await post(path, body)) done.resolved++
  }

  async function close({ id, kind, attempt_id }: OpenAlarm): Promise<void> {
    const deed = attempt_id === null ? undefined : deedOf(attempt_id)
    const amount =
      kind === 'already_captured'
        ? deed?.payment?.captured
        : kind === 'already_refunded'
          ? deed?.payment?.refunded
          : undefined
    const body = { reason: 'Read on the statement.', ...(amount !== undefined && amount > 0 && { amount }) }
    if (await post(`/api/v1/alarms/${id}/close`, body)) done.closed++
  }

  async function list<T>(path: string): Promise<readonly T[]> {
    const page = await call<Page<T>>(url, 'GET', `${path}&limit=100`).catch(() => undefined)
    return page?.body.data ?? []
  }

  return {
    done,
    wrong,
    async visit(draw, chance) {
      const unknown = await list<OpenAttempt>('/api/v1/attempts?status=unknown')
      for (const attempt of unknown) if (isOfLies(attempt) && draw.chance(chance)) await resolve(attempt)
      const alarms = await list<OpenAlarm>('/api/v1/alarms?status=open')
      for (const alarm of alarms) if (draw.chance(chance)) await close(alarm)
    },
  }
}

/** What a call really moved, in the currency that was asked for. */
function movedBy(deed: Deed): number {
  if (deed.stage !== 'done' || isReleased(deed) || deed.currency !== deed.asked.currency) return 0
  return deed.amount
}
