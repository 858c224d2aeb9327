import assert from 'node:assert/strict'
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { describe, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { Charge, ErrorAnswer } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { call, charge } from '../kit/http.ts'
import { type RunningServer, runCli, serve } from '../kit/server.ts'
import { holdWriteLock } from '../kit/sqlite-file.ts'
import { until } from '../kit/until.ts'
import { noSmallDisk } from './small-disk.ts'

const run = promisify(execFile)
const DISK_MIB = 8

const noPrlimit =
  spawnSync('prlimit', ['--version']).status === 0 ? undefined : 'prlimit (util-linux) is not installed'

function smallDisk(t: TestContext): string {
  const path = folderOf(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'minipay-test', path])
  atEnd(t, () => execFileSync('umount', [path]))
  return path
}

type Refused = { readonly status: number; readonly retryAfter: string | null; readonly body: ErrorAnswer }

/**
 * Charges over several connections until one is refused; answers those that were made, and how the first
 * refusal reads. Metadata makes them large, so that the disk is full sooner.
 */
async function chargeUntilRefused(
  url: string,
  name: string,
): Promise<{ made: Charge[]; refused: Refused; keys: string[] }> {
  const made: Charge[] = []
  const keys: string[] = []
  let refused: Refused | undefined
  const metadata = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`note_${i}`, 'x'.repeat(400)]))
  const client = async (connection: number) => {
    for (let i = 0; !refused; i++) {
      const key = `${name}-${connection}-${i}`
      const { status, headers, body } = await charge<Charge & ErrorAnswer>(url, key, { metadata })
      if (status === 201) made.push(body)
      else {
        keys.push(key)
        refused = { status, retryAfter: headers.get('retry-after'), body }
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, (_, connection) => client(connection)))
  assert.ok(refused)
  return { made, refused, keys }
}

function assertUnavailable({ status, retryAfter, body }: Refused): void {
  assert.deepEqual([status, body.code], [503, 'store_unavailable'])
  assert.match(retryAfter ?? '', /^\d+$/)
  assert.match(body.error, /Retry with the same key/)
}

type Metrics = { readonly total_charges: number }
type Balance = { readonly balance: number; readonly successful_transactions: number }

/** Reads work, and tell of nothing but what was acknowledged. */
async function assertReadable(url: string, made: readonly Charge[]): Promise<void> {
  const { status, body } = await call<Balance>(url, 'GET', '/api/v1/balance')
  assert.equal(status, 200)
  assert.deepEqual([body.successful_transactions, body.balance], [made.length, 100 * made.length])
  const last = made.at(-1) as Charge
  assert.deepEqual((await call(url, 'GET', `/api/v1/charges/${last.id}`)).body, last)
  const after = await call<{ data: object[] }>(url, 'GET', `/api/v1/events?after=${made.length}`)
  assert.deepEqual(after.body.data, [], 'no event without its charge')
  assert.equal((await call<Metrics>(url, 'GET', '/metrics')).body.total_charges, made.length)
  assert.equal((await call(url, 'GET', '/health')).status, 200)
}

/** The same process takes charges again, among them those that were refused; the books are right. */
async function assertHealed(server: RunningServer, made: Charge[], keys: string[]): Promise<void> {
  await until('it is ready', async () => (await call(server.url, 'GET', '/ready')).status === 200)
  for (const key of [...keys, 'new']) {
    const { status, body } = await charge(server.url, key)
    assert.equal(status, 201, `${key} was refused, and nothing of it stayed`)
    made.push(body)
  }
  const metrics = await call<Metrics>(server.url, 'GET', '/metrics')
  assert.equal(metrics.body.total_charges, made.length)
  assert.equal(await server.stop(), 0)
  const verified = await runCli(['verify'], { MINIPAY_DATABASE: server.database })
  const expected = `The books balance: ${made.length} charges, 0 refunds, ${2 * made.length} entries.\n`
  const stdout = verified.stdout.replace(/^Head of the hash chains: .*\n/m, '')
  assert.deepEqual({ ...verified, stdout }, { code: 0, stdout: expected, stderr: '' })
}

describe('when the disk fails', { concurrency: true }, () => {
  const noDisk = noSmallDisk()
  test('a full disk answers 503 and keeps nothing half-done; with space again, so is service', {
    skip: noDisk,
  }, async (t) => {
    const disk = smallDisk(t)
    const ballast = join(disk, 'ballast')
    writeFileSync(ballast, Buffer.alloc((DISK_MIB / 2) * 1024 * 1024))
    const server = await serve(t, join(disk, 'full.db'))

    const { made, refused, keys } = await chargeUntilRefused(server.url, 'full')
    assertUnavailable(refused)
    const large = await charge<ErrorAnswer>(server.url, 'large', { metadata: { note_0: 'x'.repeat(400) } })
    if (large.status === 503)
      assert.equal(
        (await call(server.url, 'GET', '/ready')).status,
        503,
        'a ping that still fits is no proof',
      )
    else made.push(large.body as unknown as Charge)
    // Small commits may still fit where a large one did not: fill the rest.
    await until('not even a small charge fits', async () => {
      const { status, body } = await charge<Charge>(server.url, `small-${made.length}`)
      if (status === 201) made.push(body)
      return status === 503
    })
    assert.equal((await call(server.url, 'GET', '/ready')).status, 503)
    await assertReadable(server.url, made)
    rmSync(ballast)
    await assertHealed(server, made, keys)
  })

  test('a disk that refuses writes answers 503 and keeps nothing half-done; service comes back with it', {
    skip: noPrlimit,
  }, async (t) => {
    // A write past the file size limit fails with EFBIG, which SQLite takes for an I/O error.
    const server = await serve(t, join(folderOf(t), 'io.db'))
    const first = await charge(server.url, 'first')
    const limit = (bytes: string) =>
      run('prlimit', ['--pid', String(server.process.pid), `--fsize=${bytes}:`])
    await limit(String(512 * 1024))
    const { made, refused, keys } = await chargeUntilRefused(server.url, 'io')
    assertUnavailable(refused)
    made.unshift(first.body)
    await until('not even a small charge fits', async () => {
      const { status, body } = await charge<Charge>(server.url, `small-${made.length}`)
      if (status === 201) made.push(body)
      return status === 503
    })
    await assertReadable(server.url, made)
    await limit('unlimited')
    await assertHealed(server, made, keys)
  })

  test('a lock that another process keeps too long answers 503, not a hang, and heals', async (t) => {
    const server = await serve(t, join(folderOf(t), 'busy.db'))
    const made = [(await charge(server.url, 'first')).body]
    const lock = holdWriteLock(server.database)
    atEnd(t, lock.free)
    const { status, headers, body } = await charge<ErrorAnswer>(server.url, 'waited')
    assertUnavailable({ status, retryAfter: headers.get('retry-after'), body })
    assert.equal((await call(server.url, 'GET', '/ready')).status, 503, 'it is alive, but not ready')
    await assertReadable(server.url, made)
    lock.free()
    await assertHealed(server, made, ['waited'])
  })
})
