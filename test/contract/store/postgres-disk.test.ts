/** A full disk of the PostgreSQL server: no commit is acknowledged, and the node reports it until a commit succeeds. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { noSmallDisk } from '../../crash/small-disk.ts'
import type { ErrorAnswer } from '../../kit/client.ts'
import { atEnd } from '../../kit/folders.ts'
import { call, charge } from '../../kit/http.ts'
import { onDatabase, startPostgres } from '../../kit/postgres.ts'
import { serve } from '../../kit/server.ts'
import { until } from '../../kit/until.ts'

const DISK_MIB = 48
const STEP = 256 * 1024

/** A database whose tables are on a separate disk. */
async function onSmallDisk(t: TestContext): Promise<{ url: string; disk: string }> {
  const server = await startPostgres()
  const disk = join(server.folder, 'small')
  atEnd(t, server.remove)
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'minipay-test', disk])
  atEnd(t, async () => {
    await server.stop('immediate')
    execFileSync('umount', [disk])
  })
  const { uid, gid } = statSync(join(server.folder, 'data'))
  const tables = join(disk, 'tables')
  mkdirSync(tables)
  chownSync(tables, uid, gid)
  await onDatabase(server.url, async (client) => {
    await client.query(`CREATE TABLESPACE small LOCATION '${tables}'`)
    await client.query('CREATE DATABASE shop TABLESPACE small')
  })
  const url = new URL(server.url)
  url.pathname = '/shop'
  return { url: url.href, disk }
}

/** Leaves no room for another page. */
function fill(disk: string): () => void {
  const file = join(disk, 'filler')
  for (const step of [STEP, 4096])
    for (let full = false; !full; )
      try {
        writeFileSync(file, Buffer.alloc(step), { flag: 'a' })
      } catch {
        full = true
      }
  return () => rmSync(file)
}

const readiness = async (url: string) => {
  const { status, body } = await call<{ status: string }>(url, 'GET', '/ready')
  return [status, body.status]
}
const UNAVAILABLE = [503, 'store_unavailable']

test('a full disk of the server makes /ready say 503 from the failed commit on until there is room', {
  skip: noSmallDisk() ?? false,
}, async (t) => {
  const { url, disk } = await onSmallDisk(t)
  const server = await serve(t, url)
  assert.equal((await charge(server.url, 'before')).status, 201)
  assert.deepEqual(await readiness(server.url), [200, 'ready'])

  const free = fill(disk)
  const metadata = { note: 'x'.repeat(400) }
  let made = 1
  await until('a charge is refused', async () => {
    const { status, body } = await charge<ErrorAnswer>(server.url, `key-${made}`, { metadata })
    if (status === 201) return ++made === 0
    assert.deepEqual([status, body.code], [503, 'store_unavailable'])
    return true
  })
  for (const _ of [1, 2, 3]) assert.deepEqual(await readiness(server.url), UNAVAILABLE)

  free()
  await until('it is ready again', async () => (await readiness(server.url))[0] === 200)
  assert.equal((await charge(server.url, `key-${made}`, { metadata })).status, 201)
  const { body } = await call<{ total_charges: number }>(server.url, 'GET', '/metrics')
  assert.equal(body.total_charges, made + 1)
})

test('a server that takes no writes makes /ready say 503 until it does again', async (t) => {
  const postgres = await startPostgres()
  atEnd(t, postgres.remove)
  const server = await serve(t, await postgres.createDatabase())
  const readOnly = (value: string) =>
    onDatabase(postgres.url, async (client) => {
      await client.query('SET default_transaction_read_only = off')
      await client.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`)
      await client.query('SELECT pg_reload_conf()')
    })
  await readOnly('on')
  await until('it takes no writes', async () => (await readiness(server.url))[0] === 503)
  const { status, body } = await charge<ErrorAnswer>(server.url, 'refused')
  assert.deepEqual([status, body.code], [503, 'store_unavailable'])
  assert.deepEqual(await readiness(server.url), UNAVAILABLE)
  await readOnly('off')
  await until('it is ready again', async () => (await readiness(server.url))[0] === 200)
  assert.equal((await charge(server.url, 'taken')).status, 201)
})
