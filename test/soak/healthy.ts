/** Healthy clients beside the customers: they look at what there is, and note charges that others make. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Asked, Order } from '../cluster/clients.ts'
import { drawsFrom } from '../kit/draws.ts'
import { call } from '../kit/http.ts'
import type { ClusterNode } from '../kit/nodes.ts'
import type { Story } from '../storm/plan.ts'

/** Large charges that are made at once. */
const FILLERS = 8
const RETRY_MS = 100
/** Some 24 KB, as much as one charge can hold. */
const METADATA = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`key_${i}`, 'x'.repeat(480)]))

/** A charge that is asked for as the audit needs it. */
export type Wanted = Pick<Story, 'amount' | 'currency' | 'customer' | 'capture'>

export type Notes = {
  readonly orders: readonly Order[]
  /** Notes a charge under a new key: it may be made or not. */
  note(wanted: Wanted): Asked
}

export function newNotes(): Notes {
  const orders: Order[] = []
  return {
    orders,
    note(wanted) {
      const key = `noted-${orders.length}`
      const charge: Asked = { key, path: '/api/v1/charges', body: wanted }
      orders.push({
        story: { key, ...wanted, paymentMethod: null, twice: false, steps: [] },
        charge,
        steps: [],
      })
      return charge
    },
  }
}

/** Makes so many large charges; each is repeated until it is made. */
export async function fill({ url }: ClusterNode, notes: Notes, count: number): Promise<void> {
  let left = count
  const filler = async () => {
    while (left-- > 0) {
      const body = { amount: 100, currency: 'jpy', customer: 'cus_large', capture: true }
      const asked = notes.note(body)
      for (;;) {
        const large = { ...body, metadata: METADATA }
        const answer = await call<{ id: string; status: string }>(url, 'POST', asked.path, large, {
          'idempotency-key': asked.key,
        }).catch(() => undefined)
        if (answer?.status === 201 || answer?.status === 200) {
          // Not its metadata: there are many.
          const { id, status } = answer.body
          asked.final = { status: answer.status, body: { id, status } }
          break
        }
        await pause(RETRY_MS)
      }
    }
  }
  await Promise.all(Array.from({ length: FILLERS }, filler))
}

export type Lookers = {
  readonly wrong: readonly string[]
  leave(): Promise<void>
}

const READS = [
  '/api/v1/charges?limit=10',
  '/api/v1/charges?limit=10&customer=cus_7',
  '/api/v1/charges?limit=10&customer=cus_7&status=succeeded',
  '/api/v1/refunds?limit=10',
  '/api/v1/attempts?limit=10&status=unknown',
  '/api/v1/events?limit=10',
  '/api/v1/ledger/accounts',
  '/api/v1/providers',
  '/health',
]

/** So many clients that read small things, one after the other; `took` hears how long each answer took, in ms. */
export function startLookers(
  node: ClusterNode,
  seed: number,
  count: number,
  thinksMs: number,
  took: (ms: number) => void,
): Lookers {
  const wrong: string[] = []
  let open = true
  async function look(draw = drawsFrom(seed)): Promise<void> {
    while (open) {
      await pause(draw.between(0, thinksMs))
      if (!node.isUp()) continue
      const deaths = node.deaths()
      const path = draw.of(READS)
      const sentAt = performance.now()
      const answer = await call(node.url, 'GET', path).catch(() => undefined)
      const lived = node.isUp() && node.deaths() === deaths
      if (answer?.status === 200) took(performance.now() - sentAt)
      else if (lived && answer?.status !== 503) wrong.push(`${path} was answered ${answer?.status}`)
    }
  }
  const looking = Promise.all(Array.from({ length: count }, (_, i) => look(drawsFrom(seed + i))))
  return {
    wrong,
    async leave() {
      open = false
      await looking
    },
  }
}
