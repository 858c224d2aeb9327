/** The audit log of a running server: who did what, when and from where; and a row that somebody edits by hand. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import Database from 'better-sqlite3'
import type { AuditEntryView as AuditEntry } from '../../src/api/minipay/audit-schemas.ts'
import { client, type ErrorAnswer, type Page } from '../kit/client.ts'
import { tempDir } from '../kit/folders.ts'
import { type RunningServer, runCli, startServer } from '../kit/server.ts'

const dir = tempDir()
const file = `${dir.path}/minipay.db`
const env = { MINIPAY_WEBHOOK_SECRET: `whsec_${Buffer.alloc(24, 'canary').toString('base64')}` }
const DOCUMENT = { rules: [], default: { providers: ['sandbox'] } }
let server: RunningServer

before(async () => {
  server = await startServer(file, env)
})
after(async () => {
  await server?.stop()
  dir.remove()
})

const log = async (query = '') =>
  (await client(server.url).get<Page<AuditEntry>>(`/api/v1/audit${query}`)).body

test('a change of the rules shows who made it, from where, and the rules before and after', async () => {
  const at = client(server.url)
  const headers = { 'x-request-id': 'change-1' }
  const body = { document: DOCUMENT, version: 0 }
  const put = await at.request<unknown>('PUT', '/api/v1/routing', body, headers)
  assert.equal(put.status, 200)
  await at.request('DELETE', '/api/v1/routing?version=1')
  const { data } = await log('?limit=2')
  const [reset, replaced] = data
  assert.deepEqual([reset?.action, replaced?.action], ['routing.reset', 'routing.replaced'])
  const shown = { ...replaced, id: '', created_at: '' }
  assert.deepEqual(shown, {
    ...{ id: '', action: 'routing.replaced', actor: 'keyless', object: null, created_at: '' },
    ...{ before: null, after: { document: DOCUMENT, version: 1 } },
    ...{ address: '127.0.0.1', request_id: put.headers.get('x-request-id') },
  })
  assert.deepEqual(reset?.before, { document: DOCUMENT, version: 1 })
})

test('a refused change and a read leave no entry', async () => {
  const count = async () => (await log('?limit=100')).data.length
  const former = await count()
  const at = client(server.url)
  const stale = await at.put('/api/v1/routing', { document: DOCUMENT, version: 7 })
  assert.equal(stale.status, 409)
  await at.post('/api/v1/webhook_deliveries/retry', { dry_run: true })
  await at.get('/api/v1/routing')
  assert.equal(await count(), former)
})

test('each start is recorded with its settings and without a secret, and entries survive it', async () => {
  const former = await log('?limit=100')
  await server.stop()
  server = await startServer(file, { ...env, MINIPAY_KEEP_ALIVE_MS: '66000' })
  const { data } = await log('?limit=100')
  assert.deepEqual(data.slice(1), former.data)
  const started = data[0]
  assert.deepEqual([started?.action, started?.actor, started?.address], ['server.started', 'server', null])
  const after = started?.after as { settings: Record<string, unknown> } | undefined
  assert.equal(after?.settings['keep_alive_ms'], 66_000)
  assert.ok(!JSON.stringify(data).includes('whsec_'))
})

test('the log is filtered and paged as other lists are', async () => {
  const all = (await log('?limit=100')).data
  const starts = await log('?action=server.started&actor=server')
  assert.deepEqual(
    starts.data,
    all.filter(({ action }) => action === 'server.started'),
  )
  const first = await log('?limit=1')
  assert.equal(first.has_more, true)
  const rest = await log(`?limit=100&starting_after=${first.data[0]?.id}`)
  assert.deepEqual([...first.data, ...rest.data], all)
  const since = all[1]?.created_at ?? ''
  const later = await log(`?limit=100&created_gte=${since}`)
  assert.deepEqual(
    later.data,
    all.filter(({ created_at }) => created_at >= since),
  )
  const at = client(server.url)
  for (const wrong of ['action=key.stolen', 'starting_after=aud_none', 'created_lt=yesterday', 'nope=1'])
    assert.equal((await at.get<ErrorAnswer>(`/api/v1/audit?${wrong}`)).status, 400, wrong)
})

test('a row of the log that somebody edits with another program is named by verify', async () => {
  assert.equal((await runCli(['verify', '--database', file])).code, 0)
  await server.stop()
  const db = new Database(file)
  db.exec(`UPDATE audit_log SET actor = 'key_somebody' WHERE action = 'routing.replaced'`)
  db.close()
  const { code, stderr } = await runCli(['verify', '--database', file])
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^minipay: Link \d+ of account 1 \(test\) does not match its rows: the audit entry \d+, /m,
  )
  server = await startServer(file, env)
})

test('no code changes or deletes a row of the audit log or a link of the chains', () => {
  const root = new URL('../../', import.meta.url)
  const files = globSync('src/**/*.ts', { cwd: root }).filter((name) => !name.endsWith('.test.ts'))
  assert.ok(files.length > 100)
  const change = /(UPDATE|DELETE FROM|REPLACE INTO|TRUNCATE)\s+(audit_log|chain_links)/i
  for (const name of files) assert.doesNotMatch(readFileSync(new URL(name, root), 'utf8'), change, name)
})
