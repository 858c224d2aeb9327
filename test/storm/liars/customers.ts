/** The merchants of a storm of liars: they charge, capture, cancel and refund, and record the responses. */
import { setTimeout as pause } from 'node:timers/promises'
import { type ApiErrorCode, ERRORS } from '../../../src/api/errors.ts'
import { type Answer, call } from '../../kit/http.ts'
import { limiter, type Progress } from '../../kit/progress.ts'
import { type Step, stepRequest } from '../../kit/stories.ts'
import type { Story } from './plan.ts'

export type Body = {
  readonly id?: string
  readonly refund_id?: string
  readonly status?: string
  readonly code?: string
  readonly cancel_requested?: boolean
  readonly charge?: { readonly id: string }
  readonly refund?: { readonly id: string; readonly refund_id: string }
}
export type Request = { readonly path: string; readonly key: string; readonly body: object }
export type Told = { readonly request: Request; readonly status: number; readonly body: Body }

export type Customers = {
  /** Resolves when every story has ended. */
  tell(stories: readonly Story[]): Promise<void>
  /** Sends a request once; undefined when the connection broke. */
  send(request: Request): Promise<Answer<Body> | undefined>
  /** The last answer that was stored, by key. */
  readonly told: ReadonlyMap<string, Told>
  /** How often each answer came, by status and code. */
  readonly heard: ReadonlyMap<string, number>
  /** Answers that no client should get. */
  readonly wrong: readonly string[]
}

export type CustomersOptions = {
  readonly url: string
  /** Requests in flight at once. */
  readonly connections: number
  /** Stories that are told at once. */
  readonly atOnce: number
  readonly answers: Progress
  readonly ended: Progress
}

const RETRY_MS = 200
/** Longer than MiniPay takes to come back. */
const MAX_TRIES = 150
/** How often a customer asks again for what was not even begun. */
const MAX_ASKED = 8
/** How often a customer asks while the answer is that it is processing. */
const PATIENCE = { charge: 2, followUp: 1 }

export function customers({ url, connections, atOnce, answers, ended }: CustomersOptions): Customers {
  const told = new Map<string, Told>()
  const wrong: string[] = []
  const heard = new Map<string, number>()
  const inTurn = limiter(connections)
  const stories = limiter(atOnce)

  let returning: Promise<void> | undefined

  /** Resolves when MiniPay answers again. */
  function back(): Promise<void> {
    returning ??= untilHealthy(url).finally(() => {
      returning = undefined
    })
    return returning
  }

  async function send({ path, key, body }: Request): Promise<Answer<Body> | undefined> {
    const headers = { 'idempotency-key': key }
    const answer = await inTurn(() => call<Body>(url, 'POST', path, body, headers).catch(() => undefined))
    if (!answer) await back()
    answers.add()
    const said = answer ? `${answer.status} ${answer.body.code ?? ''}`.trim() : 'no answer'
    heard.set(said, (heard.get(said) ?? 0) + 1)
    if (answer && !isKnown(answer)) wrong.push(`${key}: ${path} answered ${inWords(answer)}`)
    return answer
  }

  /** Until it is known how it ends, or patience does. The last answer; undefined when none was stored. */
  async function ask(request: Request, most: number): Promise<Told | undefined> {
    let patience = most
    for (let i = 0; i < MAX_ASKED && patience > 0; i++) {
      const answer = await send(request)
      if (answer?.status === 409 && answer.body.code !== 'idempotency_key_in_progress') return undefined
      if (answer && isStored(answer)) {
        note(request, answer)
        if (answer.status !== 202) break
        patience--
      }
      await pause(RETRY_MS)
    }
    return told.get(request.key)
  }

  function note(request: Request, { status, body }: Answer<Body>): void {
    const before = told.get(request.key)
    const [was, is] = [before && idOf(before), idOf({ body })]
    if (was !== undefined && was !== is) wrong.push(`${request.key} is ${was}, and now ${is}`)
    told.set(request.key, { request, status, body })
  }

  async function live(story: Story): Promise<void> {
    const { key, amount, currency, customer, capture, twice } = story
    const body = { amount, currency, customer, capture, metadata: { story: key } }
    const request = { path: '/api/v1/charges', key: `${key}/charge`, body }
    const [made] = await Promise.all((twice ? [1, 2] : [1]).map(() => ask(request, PATIENCE.charge)))
    const id = made && idOf(made)
    if (id === undefined) return
    for (const [g, group] of story.steps.entries())
      await Promise.all(
        group.map((step, s) => ask({ ...stepRequest(step, id), key: `${key}/${g}.${s}` }, PATIENCE.followUp)),
      )
    await probe(story, id)
  }

  /** While money is in doubt, nothing more may move: what was begun all the same is wrong if the doubt is still there. */
  async function probe({ key, temper }: Story, id: string): Promise<void> {
    if (temper === 'faulty') return
    for (const kind of ['refund', 'capture', 'cancel'] as const) {
      const before = await doubts(url, id, kind)
      if (before.length === 0) continue
      const request = { ...stepRequest({ kind, amount: null }, id), key: `${key}/doubt/${kind}` }
      const answer = await send(request)
      if (!answer || !isStored(answer)) continue
      note(request, answer)
      // A wish waits until it is known how the charge ends.
      if (answer.status === 202 && answer.body.cancel_requested === true) continue
      const after = await doubts(url, id, kind)
      const still = before.find((alarm) => after.includes(alarm))
      if (still !== undefined)
        wrong.push(`${id} is in doubt by ${still}, and a ${kind} was begun: ${inWords(answer)}`)
    }
  }

  return {
    send,
    told,
    heard,
    wrong,
    async tell(all) {
      await Promise.all(
        all.map((story) =>
          stories(async () => {
            await live(story)
            ended.add()
          }),
        ),
      )
    },
  }
}

async function untilHealthy(url: string): Promise<void> {
  for (let i = 0; i < MAX_TRIES; i++) {
    const health = await fetch(`${url}/health`).catch(() => undefined)
    await health?.body?.cancel()
    if (health?.ok) return
    await pause(RETRY_MS)
  }
}

/** The ids of the open alarms that hold a charge's money. A disputed payment may be captured and canceled. */
async function doubts(url: string, id: string, of: Step['kind']): Promise<string[]> {
  type Alarm = { readonly id: string; readonly kind: string; readonly in_doubt: boolean }
  const path = `/api/v1/alarms?status=open&transaction_id=${id}`
  const page = await call<{ data?: readonly Alarm[] }>(url, 'GET', path).catch(() => undefined)
  return (page?.body.data ?? [])
    .filter(({ in_doubt, kind }) => in_doubt && (of === 'refund' || kind !== 'dispute_mismatch'))
    .map((alarm) => alarm.id)
}

/** Stored under its key, and so told again whenever the key comes again. */
function isStored({ status, body }: Pick<Answer<Body>, 'status' | 'body'>): boolean {
  if (status === 502) return body.charge !== undefined || body.refund !== undefined
  return status === 200 || status === 201 || status === 202 || status === 402
}

/** Documented for such a request, whatever a provider does. */
function isKnown(answer: Answer<Body>): boolean {
  const { status, body } = answer
  if (isStored(answer)) return true
  const documented = ERRORS[body.code as ApiErrorCode]?.status
  return (status === 409 || status === 502 || status === 503) && documented === status
}

export function inWords({ status, body }: Pick<Answer<Body>, 'status' | 'body'>): string {
  return `${status} ${JSON.stringify(body)}`
}

/** The charge that an answer is about. */
export function idOf({ body }: Pick<Told, 'body'>): string | undefined {
  return body.id ?? body.charge?.id ?? body.refund?.id
}
