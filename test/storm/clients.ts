/** The clients of a storm: each repeats a request with its key until its response is final. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Answer, call } from '../kit/http.ts'
import { limiter, type Progress } from '../kit/progress.ts'
import { LOST, type Step, stepRequest } from '../kit/stories.ts'
import type { Story } from './plan.ts'

export type Body = {
  readonly id?: string
  readonly refund_id?: string
  readonly status?: string
  readonly code?: string
  readonly charge?: object
  readonly refund?: object
}
export type Request = { readonly path: string; readonly key: string; readonly body: object }
export type Final = { readonly status: number; readonly body: Body }

/** What a client was told at last, by key; `stored` answers are told again whenever the key comes again. */
export type Told = ReadonlyMap<
  string,
  { readonly request: Request; readonly final: Final; readonly stored: boolean }
>

export type Clients = {
  /** Resolves when every story has ended. Rejects at an answer that no client should get. */
  tell(stories: readonly Story[]): Promise<void>
  /** Sends a request once. */
  send(request: Request): Promise<Answer<Body> | undefined>
  readonly told: Told
}

const MAX_TRIES = 3
/** Far longer than the pause between two lookups, so that whoever waits so long waits for ever. */
const FINAL_MS = 180_000
const RETRY_MS = 100
const UNAVAILABLE_MS = 500

export type ClientOptions = {
  readonly url: string
  /** Requests in flight at once. */
  readonly connections: number
  /** Stories that are told at once. */
  readonly customers: number
  /** Counts answers and broken connections. */
  readonly answers: Progress
  /** Counts stories that have ended. */
  readonly ended: Progress
}

export function clients({ url, connections, customers, answers, ended }: ClientOptions): Clients {
  const told = new Map<string, { request: Request; final: Final; stored: boolean }>()
  let over = false
  const inTurn = limiter(connections)
  const atOnce = limiter(customers)

  /** Undefined when the connection broke, or there was none. */
  async function send({ path, key, body }: Request): Promise<Answer<Body> | undefined> {
    const answer = await inTurn(() =>
      call<Body>(url, 'POST', path, body, { 'idempotency-key': key }).catch(() => undefined),
    )
    answers.add()
    return answer
  }

  async function untilFinal(request: Request): Promise<Final> {
    const giveUpAt = Date.now() + FINAL_MS
    let last = 'nothing'
    while (Date.now() < giveUpAt) {
      if (over) throw new Error('another client got an answer that must not be')
      const answer = await send(request)
      const verdict = answer && judge(answer)
      if (answer && verdict === undefined)
        throw new Error(`${request.key}: ${request.path} answered ${inWords(answer)}`)
      if (answer && verdict !== 'again') {
        const final = { status: answer.status, body: answer.body }
        told.set(request.key, { request, final, stored: verdict === 'stored' })
        return final
      }
      if (answer) last = inWords(answer)
      await pause(RETRY_MS)
    }
    throw new Error(`${request.key}: no final answer within ${FINAL_MS} ms, the last was ${last}`)
  }

  /** A step that the provider did not do is asked for again, as a new request. Whether it was done at last. */
  async function take(story: Story, id: string, step: Step, name: string): Promise<boolean> {
    for (let i = 0; i < MAX_TRIES; i++) {
      const final = await untilFinal({ ...stepRequest(step, id), key: `${story.key}/${name}/${i}` })
      if (final.status !== 402 && final.status !== 502) return final.status === 200
    }
    return false
  }

  /** When no bank can be asked, the customer tries again after a while; a decline is the end. */
  async function buy(story: Story): Promise<string | undefined> {
    for (let i = 0; i < MAX_TRIES; i++) {
      const request = chargeRequest(story, i)
      const finals = await Promise.all([untilFinal(request), ...(story.twice ? [untilFinal(request)] : [])])
      const [id, ...more] = new Set(finals.map(idOf))
      if (more.length > 0) throw new Error(`${request.key} is two charges: ${id}, ${more.join(', ')}`)
      const status = finals[0]?.status
      if (status !== 502) return status === 402 ? undefined : id
      await pause(UNAVAILABLE_MS)
    }
    return undefined
  }

  async function follow(story: Story, id: string): Promise<void> {
    for (const [g, group] of story.steps.entries()) {
      const done = await Promise.all(group.map((step, s) => take(story, id, step, `${g}.${s}`)))
      if (!done.includes(true)) return
    }
  }

  async function live(story: Story): Promise<void> {
    const id = await buy(story)
    if (id !== undefined) await follow(story, id)
    ended.add()
  }

  return {
    send,
    told,
    async tell(stories) {
      try {
        await Promise.all(stories.map((story) => atOnce(() => live(story))))
      } finally {
        over = true
      }
    },
  }
}

/**
 * `stored`: the end, and told again to whoever repeats the key. `lost`: the end, since another request was first.
 * `again`: the outcome is unknown, or it was not begun. Undefined for what must not be answered.
 */
function judge({ status, body }: Answer<Body>): 'stored' | 'lost' | 'again' | undefined {
  if (status === 200 || status === 201 || status === 402) return 'stored'
  if (status === 202 || status === 503) return 'again'
  if (status === 502) return body.charge || body.refund ? 'stored' : 'again'
  if (status !== 409) return undefined
  if (body.code === 'idempotency_key_in_progress') return 'again'
  return LOST.has(body.code ?? '') ? 'lost' : undefined
}

function inWords({ status, body }: Answer<Body>): string {
  return `${status} ${JSON.stringify(body)}`
}

export function idOf({ body }: Final): string {
  return body.id ?? (body.charge as { id: string }).id
}

function chargeRequest(story: Story, attempt: number): Request {
  const { key, amount, currency, customer, paymentMethod, capture } = story
  const method = paymentMethod === null ? {} : { payment_method: paymentMethod }
  const wanted = { amount, currency, customer, capture }
  return { path: '/api/v1/charges', key: `${key}/charge/${attempt}`, body: { ...wanted, ...method } }
}
