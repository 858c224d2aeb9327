/**
 * Customers of a cluster. They repeat a request with its key, at another node, until its response is final. The audit
 * compares the cluster with their requests and responses.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { drawsFrom } from '../kit/draws.ts'
import type { Answer } from '../kit/http.ts'
import type { ClusterNode } from '../kit/nodes.ts'
import { type Progress, progress } from '../kit/progress.ts'
import { LOST, type Step, stepRequest } from '../kit/stories.ts'
import { PATIENCE_MS } from '../kit/until.ts'
import { planOf, type Story } from '../storm/plan.ts'

export type Body = {
  readonly id?: string
  readonly refund_id?: string
  readonly status?: string
  readonly amount?: number
  readonly amount_captured?: number
  readonly code?: string
  /** The failures. */
  readonly charge?: { readonly id: string; readonly status: string }
  readonly refund?: { readonly id: string; readonly refund_id: string; readonly status: string }
}
export type Final = { readonly status: number; readonly body: Body }

/** One request under one key, and its final response; without one, its client gave up. */
export type Asked = {
  readonly key: string
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  final?: Final
}
/** A charge with its requests, and those of which only one may succeed. */
export type Order = { readonly story: Story; readonly charge: Asked; readonly steps: readonly AskedStep[] }
export type AskedStep = { readonly step: Step; readonly asked: Asked }

export type Customers = {
  readonly orders: readonly Order[]
  /** The number of requests with a response. */
  readonly answers: Progress
  /** Responses that no client should get, each as a sentence. */
  readonly wrong: readonly string[]
  /** Makes no new order; resolves when the orders in progress have ended. */
  leave(): Promise<void>
}

const RETRY_MS = 100
/** One response, and the final one, come long before this: it ends a wait that would never end. */
const ANSWER_MS = PATIENCE_MS
const FINAL_MS = PATIENCE_MS
const CHUNK = 500

export type Manners = {
  /** The longest pause of a customer between two orders, in ms; half of it on average. */
  readonly thinksMs?: number
  /** How long a client repeats a request until its response is final, in ms. */
  readonly patienceMs?: number
  /** Called for each response with its duration. */
  readonly onAnswer?: (asked: Asked, ms: number) => void
}

/** Starts this many customers, each as the seed plans it, until the caller stops them. */
export function customersOf(
  nodes: readonly ClusterNode[],
  seed: number,
  count: number,
  { thinksMs = 0, ...manners }: Manners = {},
): Customers {
  const draw = drawsFrom(seed)
  const orders: Order[] = []
  const answers = progress()
  const wrong: string[] = []
  const stories = endless(seed)
  const { once, untilFinal } = senderTo(nodes, answers, manners)
  let open = true

  async function noted(asked: Asked, work: (asked: Asked) => Promise<unknown>): Promise<void> {
    try {
      await work(asked)
    } catch (error) {
      wrong.push(`${asked.key} (${asked.path}): ${(error as Error).message}`)
    }
  }

  async function live(story: Story, isPatient: boolean): Promise<void> {
    const charge = chargeOf(story)
    const steps: AskedStep[] = []
    orders.push({ story, charge, steps })
    if (!isPatient) return noted(charge, once)
    const twins = story.twice ? [charge, charge] : [charge]
    await Promise.all(twins.map((twin) => noted(twin, untilFinal)))
    const id = charge.final?.body.id
    if (id === undefined) return
    for (const [g, group] of story.steps.entries()) {
      const asked: AskedStep[] = group.map((step, s) => ({
        step,
        asked: { ...stepRequest(step, id), key: `${story.key}/${g}.${s}` },
      }))
      steps.push(...asked)
      await Promise.all(asked.map((one) => noted(one.asked, untilFinal)))
      if (!asked.some((one) => one.asked.final?.status === 200)) return
    }
  }

  const shopping = Promise.all(
    Array.from({ length: count }, async () => {
      while (open) {
        const { story, isPatient } = stories.next().value
        await live(story, isPatient)
        if (thinksMs > 0) await pause(draw.between(0, thinksMs))
      }
    }),
  )
  return {
    orders,
    answers,
    wrong,
    async leave() {
      open = false
      await shopping
    },
  }
}

/** Sends requests to the nodes in turn. */
function senderTo(
  nodes: readonly ClusterNode[],
  answers: Progress,
  { onAnswer, patienceMs = FINAL_MS }: Manners,
) {
  let turn = 0

  /** False if there is no final response: the node requests a retry, or was killed. Throws for any other failure. */
  async function once(asked: Asked): Promise<boolean> {
    const node = nodes[turn++ % nodes.length] as ClusterNode
    const wasUp = node.isUp()
    const deaths = node.deaths()
    const sentAt = performance.now()
    let answer: Answer<Body>
    try {
      answer = await post(node.url, asked)
    } catch (error) {
      if (wasUp && node.deaths() === deaths)
        throw new Error(`no answer of a node that lives: ${(error as Error).cause ?? error}`)
      return false
    }
    answers.add()
    onAnswer?.(asked, performance.now() - sentAt)
    if (!isFinal(answer)) return false
    remember(asked, answer)
    return true
  }

  async function untilFinal(asked: Asked): Promise<void> {
    for (const giveUpAt = performance.now() + patienceMs; performance.now() < giveUpAt; ) {
      if (await once(asked)) return
      await pause(RETRY_MS)
    }
    throw new Error('there is no final answer')
  }
  return { once, untilFinal }
}

/** All responses to one key are about the same object. */
function remember(asked: Asked, { status, body }: Answer<Body>): void {
  const final = { status, body }
  const before = asked.final
  if (before && subjectOf(before) !== subjectOf(final))
    throw new Error(`it is ${subjectOf(before)}, and also ${subjectOf(final)}`)
  asked.final = final
}

async function post(url: string, { key, path, body }: Asked): Promise<Answer<Body>> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body }
}

/** False if it must be repeated. Throws for a response that no client should get. */
function isFinal({ status, headers, body }: Answer<Body>): boolean {
  const again = headers.has('retry-after')
  if (status === 200 || status === 201 || status === 402) return true
  if (status === 409 && LOST.has(body.code ?? '')) return true
  // The node was killed before it sent the call, and the bank reports that it never got it.
  if (status === 502 && (body.charge || body.refund)) return true
  // Its provider is unavailable now; MiniPay stored nothing.
  if (status === 502 && body.code === 'provider_unavailable') return false
  if (status === 202) return false
  if (status === 409 && body.code === 'idempotency_key_in_progress' && again) return false
  if (status === 503 && again) return false
  throw new Error(`answered ${status}${again ? '' : ' without Retry-After'}: ${JSON.stringify(body)}`)
}

/** The object of a response, and its ending. */
function subjectOf({ status, body }: Final): string {
  const {
    id,
    refund_id,
    status: state,
  }: Partial<NonNullable<Body['refund']>> = body.refund ?? body.charge ?? body
  return `${status === 201 ? 200 : status} ${id} ${refund_id} ${state}`
}

/** Every tenth customer sends a charge once, and never reads its outcome. */
function* endless(seed: number): Generator<{ story: Story; isPatient: boolean }, never> {
  for (let chunk = 0; ; chunk++) {
    const { stories } = planOf(seed + chunk, { stories: CHUNK, kills: { minipay: 0, bank: 0 } })
    for (const [i, story] of stories.entries())
      yield { story: { ...story, key: `${chunk}/${story.key}` }, isPatient: i % 10 !== 9 }
  }
}

function chargeOf({ key, amount, currency, customer, paymentMethod, capture }: Story): Asked {
  const method = paymentMethod === null ? {} : { payment_method: paymentMethod }
  return { key, path: '/api/v1/charges', body: { amount, currency, customer, capture, ...method } }
}
