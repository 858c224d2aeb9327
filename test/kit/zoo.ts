/** Every receiver that misbehaves, and a server that sends to them. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { EXPIRED } from './certificates.ts'
import { type Client, client } from './client.ts'
import { atEnd, type Ends, tempDir } from './folders.ts'
import * as receivers from './receivers.ts'
import { serve } from './server.ts'
import { freePort } from './sockets.ts'

export const ENDPOINTS = '/api/v1/webhook_endpoints'

export const endsOf = (t: TestContext): Ends => ({ add: (step) => atEnd(t, step) })

/** A server on loopback, so that its webhook endpoints may be there, too. */
export async function servedForWebhooks(t: TestContext, env: Record<string, string> = {}) {
  const folder = tempDir()
  atEnd(t, folder.remove)
  const server = await serve(t, `${folder.path}/minipay.db`, env)
  return { server, api: client(server.url), folder }
}

/** Registers an endpoint for every event; its id. */
export async function register(api: Client, url: string): Promise<string> {
  const { status, body } = await api.post<{ id: string }>(ENDPOINTS, { url, disable_after_seconds: null })
  assert.equal(status, 201, JSON.stringify(body))
  return body.id
}

/** The name of a receiver, and what an attempt shows of it. */
export type Strange = [name: string, shown: readonly [url: string, status: number | null, told: RegExp]]

/** Every receiver that misbehaves, by name, with what an attempt shows of it. */
export async function zoo(ends: Ends): Promise<Record<string, Strange[1]>> {
  const metadata = { location: 'http://169.254.169.254/latest/meta-data' }
  const closed = /closed the connection without a response/
  return {
    'refuses connections': [`http://127.0.0.1:${await freePort()}/`, null, /^connection refused$/],
    hangs: [(await receivers.hanging(ends)).url, null, /^no response within 10 s$/],
    'drips headers': [(await receivers.drippingHeaders(ends, 1_000)).url, null, /^no response within 10 s$/],
    'drips a body': [(await receivers.drippingBody(ends, 1_000)).url, 200, /^$/],
    'has a body of 10 GB': [(await receivers.endlessBody(ends)).url, 200, /^$/],
    'has endless headers': [(await receivers.endlessHeaders(ends)).url, null, /headers .* too long/],
    'sends interim responses only': [(await receivers.endlessInterim(ends)).url, null, /interim/],
    'has an endless chunk': [(await receivers.endlessChunkExtension(ends)).url, 200, /^$/],
    'is a gzip bomb': [(await receivers.gzipBomb(ends)).url, 200, /^$/],
    resets: [(await receivers.resetting(ends)).url, null, closed],
    'is half open': [(await receivers.halfOpen(ends)).url, null, closed],
    'speaks no HTTP': [(await receivers.notHttp(ends)).url, null, /^the response is not HTTP$/],
    'speaks HTTP/2 only': [
      (await receivers.http2(ends, { isSecure: true })).url,
      null,
      /^TLS: .*HTTP\/1\.1$/,
    ],
    'has an unknown certificate': [(await receivers.secure(ends)).url, null, /^TLS: .*unknown authority/],
    'has an expired certificate': [(await receivers.secure(ends, EXPIRED)).url, null, /^TLS: /],
    'is gone': [(await receivers.withStatus(ends, 410)).url, 410, /410/],
    'is busy': [(await receivers.withStatus(ends, 429, { 'retry-after': '30' })).url, 429, /429/],
    redirects: [(await receivers.withStatus(ends, 302, metadata)).url, 302, /redirected with 302/],
  }
}
