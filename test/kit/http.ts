/** Requests as any program sends them, without a check of the response; see `client.ts` for one with it. */
import assert from 'node:assert/strict'

export type Answer<T> = { readonly status: number; readonly headers: Headers; readonly body: T }

/** One request; `body` is sent as JSON, or as it is when it is a string. `T` is what the test expects of the answer. */
export async function call<T = Record<string, unknown>>(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  const response = await fetch(url + path, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const json = response.headers.get('content-type')?.includes('json')
  return {
    status: response.status,
    headers: response.headers,
    body: (json && text ? JSON.parse(text) : text) as T,
  }
}

export type ErrorBody = { readonly error: string; readonly code: string }
export type ChargeBody = {
  readonly id: string
  readonly amount: number
  readonly status: string
  readonly idempotency_key: string
}

/** Makes a charge of 100 usd under `key`. */
export function charge<T = ChargeBody>(url: string, key: string, body: object = {}): Promise<Answer<T>> {
  const wanted = { amount: 100, currency: 'usd', customer: 'cus_1', ...body }
  return call<T>(url, 'POST', '/api/v1/charges', wanted, { 'idempotency-key': key })
}

type List<T> = { readonly data: readonly T[]; readonly has_more: boolean }

/** Everything of a list, page by page; `cursor` is the query that follows after an item. */
export async function readAll<T>(url: string, path: string, cursor: (last: T) => string): Promise<T[]> {
  const all: T[] = []
  for (;;) {
    const last = all.at(-1)
    const query = last === undefined ? '' : `&${cursor(last)}`
    const { status, body } = await call<List<T>>(url, 'GET', `${path}?limit=100${query}`)
    assert.equal(status, 200)
    all.push(...body.data)
    if (!body.has_more) return all
  }
}
