/** Sessions of the dashboard: signed in as the page does it, or as rows. */
import type { DashboardSession } from '../../src/domain/access/dashboard-session.ts'
import { newId, START } from './commits.ts'
import { type Answer, call } from './http.ts'

/** The headers that a browser and the page add to each request before a person has signed in. */
export const PAGE = { 'sec-fetch-site': 'same-origin', 'x-minipay-dashboard': '1' }

type Responded = { readonly proof: string } & {
  readonly code: string
  readonly error: string
  readonly param?: string
}
export type SignedIn = Answer<Responded>

/** Sends a key as the form does. */
export function signIn(
  url: string,
  key: unknown,
  headers: Readonly<Record<string, string>> = PAGE,
): Promise<SignedIn> {
  return call(url, 'POST', '/dashboard/session', { key }, headers)
}

/** The headers of the page that signed in: its cookie, and its proof. */
export function pageOf({ headers, body }: SignedIn) {
  const cookie = (headers.get('set-cookie') ?? '').split(';')[0] as string
  return { ...PAGE, cookie, 'x-minipay-dashboard': body.proof }
}

let made = 0

/** The row of a session of a key. */
export function sessionOf(keyId: string, changes: Partial<DashboardSession> = {}): DashboardSession {
  return {
    ...{ id: newId('ses'), hash: (++made).toString(16).padStart(64, 'a'), proofHash: 'b'.repeat(64) },
    ...{ keyId, host: 'pay.example:8080', address: '192.0.2.7', browser: 'Firefox on Linux' },
    ...{ createdAt: START, usedAt: START, ...changes },
  }
}
