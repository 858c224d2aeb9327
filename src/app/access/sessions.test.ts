import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { test } from 'node:test'
import { accessKeyOf } from '../../../test/kit/access-keys.ts'
import { newId } from '../../../test/kit/commits.ts'
import { type DashboardSession, SESSION_IDLE_MS, SESSION_MS } from '../../domain/access/dashboard-session.ts'
import type { AuditEntry } from '../../domain/audit.ts'
import { sha256 } from '../context.ts'
import type { Authenticated } from './keyring.ts'
import { createSessions, type SessionSecrets } from './sessions.ts'

const START = Date.UTC(2027, 0, 15)
const HOST = 'pay.example:8080'
const MINUTE = 60_000

/** Sessions over a store in memory, with a time of their own. */
function sessionsWithTime() {
  const key = accessKeyOf({ accountId: 1, mode: 'test' })
  const by: Authenticated = { key, permissions: new Set() }
  const rows = new Map<string, DashboardSession>()
  const audit: AuditEntry[] = []
  const state = { ms: 0, valid: true, reads: 0, touches: 0 }
  const sessions = createSessions({
    ...{ sha256, newId, now: () => START + state.ms },
    runtime: { monotonic: () => state.ms, random: (bytes) => void randomFillSync(bytes) },
    keyring: { authenticateHash: () => (state.valid ? by : undefined), latest: () => START + state.ms },
    store: {
      async dashboardSession(hash) {
        state.reads++
        const session = rows.get(hash)
        return session && { session, keyHash: key.hash }
      },
      async addDashboardSession(session, entry) {
        if (!state.valid) return false
        rows.set(session.hash, session)
        audit.push(entry)
        return true
      },
      async touchDashboardSession(hash, at) {
        state.touches++
        const session = rows.get(hash)
        if (session) rows.set(hash, { ...session, usedAt: at })
      },
      endDashboardSession: async (hash) => void rows.delete(hash),
      dashboardSessionById: async (id) => [...rows.values()].find((session) => session.id === id),
      dashboardSessions: async () => [...rows.values()],
      endDashboardSessions: async () => true,
      purgeDashboardSessions: async () => 0,
    },
  })
  const begin = async () => {
    const browser = 'Firefox on Linux'
    const made = await sessions.begin(by, { address: '192.0.2.1', host: HOST, browser, requestId: 'req_1' })
    return made as SessionSecrets
  }
  const lookUp = ({ cookie, proof }: { cookie: string; proof?: string }, active = true, host = HOST) =>
    sessions.find(cookie, { address: '192.0.2.1', host, proof, active })
  /** The key of a usable session; otherwise why there is none. */
  const find = async (...request: Parameters<typeof lookUp>) => {
    const found = await lookUp(...request)
    return typeof found === 'object' ? found.by : found
  }
  return { ...{ sessions, begin, find, state, rows, audit, by, key } }
}

test('a session stores hashes of its secrets alone, and its sign-in is in the audit log', async () => {
  const { begin, find, rows, audit, by, key } = sessionsWithTime()
  const secrets = await begin()
  const { cookie, proof } = secrets
  assert.match(cookie + proof, /^[0-9a-f]{128}$/)
  assert.notEqual(cookie, proof)
  for (const secret of [cookie, proof])
    assert.ok(!JSON.stringify([[...rows], [...rows.values()], audit]).includes(secret))
  assert.equal(await find(secrets), by)
  assert.deepEqual(
    audit.map(({ action, actor, object, address }) => [action, actor, object, address]),
    [['dashboard.signed_in', key.id, key.id, '192.0.2.1']],
  )
  for (const wrong of ['', cookie.slice(1), `${cookie}0`, cookie.toUpperCase(), '0'.repeat(64), proof])
    assert.equal(await find({ ...secrets, cookie: wrong }), undefined)
})

test('a cookie alone is of no use: it needs the proof of its own session, and is no use of it', async () => {
  const { sessions, begin, find, state, by } = sessionsWithTime()
  const [first, second] = [await begin(), await begin()]
  const { cookie, proof } = first
  state.ms += MINUTE * 2
  for (const wrong of [undefined, '', '1', proof.slice(1), `${proof}0`, proof.toUpperCase(), cookie]) {
    const request = { cookie, ...(wrong !== undefined && { proof: wrong }) }
    assert.equal(await find(request), 'no proof', String(wrong))
  }
  // That of another session of the same key, as with a cookie that was planted.
  assert.equal(await find({ cookie, proof: second.proof }), 'no proof')
  assert.equal(await sessions.end(cookie, second.proof), false)
  assert.equal(await sessions.end(cookie, undefined), false)
  assert.equal(state.touches, 0)
  assert.equal(await find(first), by)
  assert.equal(state.touches, 1)
  assert.equal(await sessions.end(cookie, proof), true)
  assert.equal(await find(first), undefined)
  assert.equal(await find(second), by)
})

test('a session ends after half an hour in which its person did nothing', async () => {
  const { begin, find, state, by } = sessionsWithTime()
  const secret = await begin()
  state.ms += SESSION_IDLE_MS - 1
  assert.equal(await find(secret, false), by)
  state.ms += 1
  assert.equal(await find(secret), undefined)
})

test('a person who acts keeps the session for twelve hours, and each minute stores one use', async () => {
  const { begin, find, state, by } = sessionsWithTime()
  const secret = await begin()
  while (state.ms < SESSION_MS - 30_000) {
    state.ms += 30_000
    if (state.ms < SESSION_MS) assert.equal(await find(secret), by)
  }
  assert.ok(state.touches <= SESSION_MS / MINUTE)
  state.ms = SESSION_MS
  assert.equal(await find(secret), undefined)
})

test('a session ends with its key, on every node within a second of its end, and is of one Host', async () => {
  const { sessions, begin, find, state, rows, by } = sessionsWithTime()
  const secret = await begin()
  assert.equal(await find(secret, true, 'evil.example'), 'other host')
  state.valid = false
  assert.equal(await find(secret), undefined)
  state.valid = true
  assert.equal(await find(secret), by)
  // Another node ends it.
  rows.clear()
  state.ms += 900
  assert.equal(await find(secret), undefined)
  const second = await begin()
  assert.equal(await find(second), by)
  assert.equal(await sessions.end(second.cookie, second.proof), true)
  assert.equal(await find(second), undefined)
})

test('a known session is read once a second, and an unknown one only if it may be', async () => {
  const { sessions, begin, find, state } = sessionsWithTime()
  const secret = await begin()
  for (let i = 0; i < 10; i++) await find(secret)
  assert.equal(state.reads, 1)
  const from = { address: '192.0.2.1', host: HOST, proof: undefined, active: true }
  assert.equal(await sessions.find('f'.repeat(64), from, () => false), undefined)
  assert.equal(state.reads, 1)
})
