/** A client that charges and refunds under load and records the responses, to compare them with the server later. */
import assert from 'node:assert/strict'
import type { Charge, Refund } from '../kit/client.ts'
import { call } from '../kit/http.ts'

type Request = { readonly path: string; readonly body: object }
/** One request by its key, and its response; without one the outcome is unknown. */
type Note<T> = { readonly key: string; readonly request: Request; answer?: T }

export type Notebook = {
  readonly charges: Note<Charge>[]
  readonly refunds: Note<Refund>[]
}

export function newNotebook(): Notebook {
  return { charges: [], refunds: [] }
}

type Sent<T> = { readonly status: number; readonly replayed: boolean; readonly body: T }

/** Sends a noted request; undefined when the connection broke before its answer came. */
async function send<T>(url: string, { key, request }: Note<T>): Promise<Sent<T> | undefined> {
  try {
    const headers = { 'idempotency-key': key }
    const { status, body, headers: got } = await call<T>(url, 'POST', request.path, request.body, headers)
    return { status, body, replayed: got.get('idempotent-replayed') === 'true' }
  } catch {
    return undefined
  }
}

/** Charges, and refunds part of every third charge, until the server has ended. */
export async function useUntilKilled(url: string, notebook: Notebook, onAnswer: () => void): Promise<void> {
  for (;;) {
    const n = notebook.charges.length
    const charge: Note<Charge> = {
      key: `charge-${n}`,
      request: {
        path: '/api/v1/charges',
        body: { amount: 100 + n, currency: 'usd', customer: `cus_${n % 50}` },
      },
    }
    notebook.charges.push(charge)
    const made = await send(url, charge)
    if (!made) return
    assert.equal(made.status, 201, JSON.stringify(made.body))
    charge.answer = made.body
    onAnswer()
    if (n % 3 !== 0) continue

    const refund: Note<Refund> = {
      key: `refund-${n}`,
      request: { path: '/api/v1/refunds', body: { transaction_id: made.body.id, amount: 10 + (n % 90) } },
    }
    notebook.refunds.push(refund)
    const done = await send(url, refund)
    if (!done) return
    assert.equal(done.status, 200, JSON.stringify(done.body))
    refund.answer = done.body
  }
}

/** Repeats every request without a response, twice at once: both responses must be about the same object. */
export async function repeatUnanswered(url: string, notebook: Notebook): Promise<number> {
  const unanswered = [...notebook.charges, ...notebook.refunds].filter(({ answer }) => !answer)
  await Promise.all(
    unanswered.map(async (note) => {
      const [first, second] = await Promise.all([send<object>(url, note), send<object>(url, note)])
      assert.ok(first && second, `${note.key} was not answered`)
      for (const { status } of [first, second]) assert.ok(status === 200 || status === 201, note.key)
      assert.deepEqual(second.body, first.body, note.key)
      Object.assign(note, { answer: first.body })
    }),
  )
  return unanswered.length
}

/** Repeats every request with a response: each replay must return the recorded response. */
export async function replayAll(url: string, notebook: Notebook): Promise<void> {
  const notes = [...notebook.charges, ...notebook.refunds].values()
  const replayer = async () => {
    for (const note of notes) {
      const again = await send<object>(url, note)
      assert.deepEqual(again, { status: 200, replayed: true, body: note.answer }, note.key)
    }
  }
  await Promise.all(Array.from({ length: 32 }, replayer))
}
