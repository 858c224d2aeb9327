/** Plain requests without a check of the response; `client.ts` has one. */
import assert from 'node:assert/strict'
import type { Charge } from './client.ts'

export type Answer<T> = { readonly status: number; readonly headers: Headers; readonly body: T }

/** One request; `body` is sent as JSON, or unchanged if it is a string. `T` is the expected type of the response. */
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
  // A stream of events does not end by itself.
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream')
  if (isStream) await response.body?.cancel()
  const text = isStream ? '' : await response.text()
  const json = response.headers.get('content-type')?.includes('json')
  return {
    status: response.status,
    headers: response.headers,
    body: (json && text ? JSON.parse(text) : text) as T,
  }
}

/** Makes a charge of 100 usd under `key`. */
export function charge<T = Charge>(url: string, key: string, body: object = {}): Promise<Answer<T>> {
  const wanted = { amount: 100, currency: 'usd', customer: 'cus_1', ...body }
  return call<T>(url, 'POST', '/api/v1/charges', wanted, { 'idempotency-key': key })
}

type List<T> = { readonly data: readonly T[]; readonly has_more: boolean }

/**
 * Every object of a list, page by page, by a client's requests; `cursor` is the query that follows an item, or none.
 */
export async function readAll<T>(
  get: (path: string) => Promise<Answer<List<T>>>,
  path: string,
  cursor: (last: T | undefined) => string,
): Promise<T[]> {
  const all: T[] = []
  for (;;) {
    const separator = path.includes('?') ? '&' : '?'
    const { status, body } = await get(`${path}${separator}limit=100${cursor(all.at(-1))}`)
    assert.equal(status, 200, JSON.stringify(body))
    all.push(...body.data)
    if (!body.has_more) return all
  }
}
