/** However often the routing rules are replaced, so many versions are kept, and what chose a provider stays known. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import Database from 'better-sqlite3'
import { KEPT_VERSIONS } from '../../src/domain/routing/rule-set.ts'
import { client, type Page } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { onDatabase } from '../kit/postgres.ts'
import { onEngine, type RunningServer, runCli, startServer } from '../kit/server.ts'

let dir: TempDir
let file: string
let server: RunningServer

before(async () => {
  dir = tempDir()
  file = join(dir.path, 'minipay.db')
  server = await startServer(file)
})
after(async () => {
  await server?.kill()
  dir.remove()
})

const document = {
  rules: [{ name: 'large', when: 'amount >= 1000', providers: ['sandbox'] }],
  default: { providers: ['sandbox'] },
}
const put = async (body: object = { document }) =>
  (await call<{ version: number }>(server.url, 'PUT', '/api/v1/routing', body)).body.version
const verify = () => runCli(['verify', '--database', file])

/** What a statement finds, on either engine. */
async function rows(sql: string): Promise<Record<string, unknown>[]> {
  const database = await onEngine(file)
  if (database !== file) return onDatabase(database, async (sent) => (await sent.query(sql)).rows)
  const db = new Database(file)
  try {
    const statement = db.prepare(sql)
    if (statement.reader) return statement.all() as Record<string, unknown>[]
    statement.run()
    return []
  } finally {
    db.close()
  }
}

const versions = async () =>
  (await rows('SELECT version FROM rule_sets ORDER BY version')).map(({ version }) => Number(version))

test('the newest versions are kept, attempts of older ones tell what chose their provider, and the books are in order', async () => {
  const api = client(server.url)
  assert.equal(await put(), 1)
  const { id } = await api.charge({ amount: 1000 })
  const last = KEPT_VERSIONS + 20
  for (let version = 2; version < last; version++) assert.equal(await put(), version)
  const reset = await call<{ version: number }>(server.url, 'DELETE', '/api/v1/routing')
  assert.equal(reset.body.version, last)

  const kept = Array.from({ length: KEPT_VERSIONS }, (_, i) => last - KEPT_VERSIONS + 1 + i)
  assert.deepEqual(await versions(), kept)
  const { body } = await api.get<Page<{ route: { version: number; rule: string } }>>(
    `/api/v1/charges/${id}/attempts`,
  )
  assert.deepEqual([body.data[0]?.route.version, body.data[0]?.route.rule], [1, 'large'])
  assert.equal((await verify()).stderr, '')

  // A version that was replaced stays refused.
  const late = await call(server.url, 'PUT', '/api/v1/routing', { document, version: 1 })
  assert.equal(late.status, 409)
  assert.deepEqual(await versions(), kept)
  assert.equal(await put({ document, version: last }), last + 1)
  assert.equal((await versions()).length, KEPT_VERSIONS)
})

test('a version that is missing among those that are kept is found by verify', async () => {
  await server.stop()
  const [oldest, second] = await versions()
  await rows(`DELETE FROM rule_sets WHERE version = ${oldest}`)
  const { code, stderr } = await verify()
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`The rules have version ${second}, and not the version before it\\.`))
})
