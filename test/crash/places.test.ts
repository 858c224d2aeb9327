/** MiniPay refuses at the start to use a place where a database is not safe, with a sentence that says what to do. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { mountPointOf, networkFileSystem } from '../../src/storage/sqlite/place.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { call, charge } from '../kit/http.ts'
import { CLI, type RunningServer, runCli, serve, startServer } from '../kit/server.ts'

const noMounts =
  spawnSync('unshare', ['-m', 'true']).status === 0
    ? undefined
    : 'a mount namespace of its own is not allowed here'

/** The start is refused, and the sentence is this. */
async function assertRefused(database: string, sentence: RegExp): Promise<void> {
  for (const command of ['serve', 'migrate']) {
    const { code, stderr } = await runCli([command], { MINIPAY_DATABASE: database, PORT: '0' })
    assert.deepEqual([command, code], [command, 1])
    assert.match(stderr, sentence)
    assert.match(stderr, /^minipay: [^\n]*\n$/, 'one line')
  }
}

/** A server with one charge, and its files. */
async function shop(
  t: TestContext,
): Promise<{ server: RunningServer; file: string; folder: string; id: string }> {
  const folder = folderOf(t)
  const file = join(folder, 'shop.db')
  const server = await serve(t, file)
  const { body } = await charge(server.url, 'first')
  return { server, file, folder, id: body.id }
}

async function assertHasCharge({ url }: RunningServer, id: string): Promise<void> {
  assert.equal((await call(url, 'GET', `/api/v1/charges/${id}`)).status, 200)
}

test('a database with a second name is refused', async (t) => {
  const { server, file, folder, id } = await shop(t)
  await server.stop()
  linkSync(file, join(folder, 'second.db'))
  await assertRefused(file, /has another name, a hard link.*keep only one/)
  await assertRefused(join(folder, 'second.db'), /has another name, a hard link/)
  rmSync(file)
  await assertHasCharge(await serve(t, join(folder, 'second.db')), id)
})

test('a link to a file that is not there yet locks that file', async (t) => {
  const folder = folderOf(t)
  mkdirSync(join(folder, 'data'))
  const [file, link, chain] = ['data/real.db', 'link.db', 'chain.db'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  symlinkSync('data/real.db', link)
  symlinkSync(link, chain)
  const server = await serve(t, chain)
  assert.equal((await charge(server.url, 'first')).status, 201)
  assert.ok(existsSync(`${file}-lock`))
  for (const name of [file, link, chain]) await assertRefused(name, /Another MiniPay process is using/)
  assert.deepEqual(readdirSync(folder).sort(), ['chain.db', 'data', 'link.db'])
})

test('links that lead in a circle are refused', async (t) => {
  const folder = folderOf(t)
  symlinkSync('b.db', join(folder, 'a.db'))
  symlinkSync('a.db', join(folder, 'b.db'))
  await assertRefused(join(folder, 'a.db'), /leads in a circle/)
})

test('a second server is refused after the lock file was deleted, or the database moved', async (t) => {
  const { server, file, folder } = await shop(t)
  // It stands still, so that it does not end by itself before the others are tried.
  server.process.kill('SIGSTOP')
  rmSync(`${file}-lock`)
  await assertRefused(file, /Another MiniPay process is using/)
  writeFileSync(`${file}-lock`, '')
  await assertRefused(file, /Another MiniPay process is using/)
  for (const end of ['', '-wal', '-shm']) renameSync(file + end, join(folder, `moved.db${end}`))
  await assertRefused(join(folder, 'moved.db'), /Another MiniPay process is using/)
  server.process.kill('SIGCONT')
  assert.equal(await server.gone, 1)
})

test('a start beside a backup that is being made is not refused', async (t) => {
  const { server, file, id } = await shop(t)
  await server.kill()
  const { default: Database } = await import('better-sqlite3')
  const reader = new Database(file, { readonly: true })
  atEnd(t, () => reader.close())
  const rows = reader.prepare('SELECT id FROM charges').iterate()
  rows.next()
  await assertHasCharge(await serve(t, file), id)
  rows.return?.()
})

test('a WAL that another file left behind is never applied', async (t) => {
  const { server, file, folder, id } = await shop(t)
  const backup = join(folder, 'backup.db')
  assert.equal((await runCli(['backup', backup, '--database', file])).code, 0)
  for (let i = 0; i < 20; i++) await charge(server.url, `more-${i}`)
  await server.kill()
  const wal = readFileSync(`${file}-wal`)

  const bytes = readFileSync(backup)
  copyFileSync(file, join(folder, 'former.db'))
  copyFileSync(backup, file)
  await assertRefused(file, /-wal does not belong to .*move .*-wal and .*-shm to another folder/)
  assert.deepEqual(readFileSync(file), bytes, 'copied over')
  rmSync(file)
  copyFileSync(backup, file)
  await assertRefused(file, /-wal does not belong to/)
  assert.deepEqual(readFileSync(file), bytes, 'put in its place')
  assert.deepEqual(readFileSync(`${file}-wal`), wal)

  const elsewhere = join(folder, 'elsewhere')
  mkdirSync(elsewhere)
  for (const end of ['-wal', '-shm']) renameSync(file + end, join(elsewhere, `shop.db${end}`))
  const restored = await serve(t, file)
  await assertHasCharge(restored, id)
  assert.equal(await restored.stop(), 0)

  // With the file that it belongs to, elsewhere, the WAL is applied.
  renameSync(join(folder, 'former.db'), join(elsewhere, 'shop.db'))
  const former = await serve(t, join(elsewhere, 'shop.db'))
  assert.equal((await charge(former.url, 'more-19')).status, 200)
})

test('an older copy of the same file does not take the newer WAL', async (t) => {
  const { server, file, folder } = await shop(t)
  await server.stop()
  const copy = join(folder, 'copy.db')
  copyFileSync(file, copy)
  const next = await serve(t, file)
  for (let i = 0; i < 20; i++) await charge(next.url, `more-${i}`)
  await next.stop()
  const last = await serve(t, file)
  await charge(last.url, 'last')
  await last.kill()
  copyFileSync(copy, `${file}.new`)
  renameSync(`${file}.new`, file)
  await assertRefused(file, /-wal does not belong to/)
})

test('a WAL beside an empty database is refused, which would forget the charges in it', async (t) => {
  const { server, file } = await shop(t)
  await server.kill()
  writeFileSync(file, '')
  await assertRefused(file, /-wal does not belong to/)
})

test('a database that is mounted alone is refused, and one in a mounted folder is served', {
  skip: noMounts,
}, async (t) => {
  const { server, file, folder, id } = await shop(t)
  await server.stop()
  const inside = join(folder, 'in side')
  mkdirSync(inside)
  writeFileSync(join(inside, 'shop.db'), '')
  const alone = spawnSync(
    'unshare',
    [
      '-m',
      'sh',
      '-c',
      'mount --bind "$1" "$2" && exec "$3" "$4" serve --port 0 --database "$2"',
      'sh',
    ].concat([file, join(inside, 'shop.db'), process.execPath, CLI]),
    { encoding: 'utf8' },
  )
  assert.equal(alone.status, 1)
  assert.match(
    alone.stderr,
    /in side\/shop\.db is mounted without its folder.*Mount the folder .*in side instead/,
  )

  const whole = join(folder, 'whole')
  mkdirSync(whole)
  const mounted = spawn(
    'unshare',
    [
      '-m',
      'sh',
      '-c',
      'mount --bind "$1" "$2" && exec "$3" "$4" serve',
      'sh',
      folder,
      whole,
      process.execPath,
      CLI,
    ],
    {
      env: { ...process.env, PORT: '0', WEBHOOK_TARGET: '', MINIPAY_DATABASE: join(whole, 'shop.db') },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  atEnd(t, () => mounted.kill('SIGKILL'))
  const url = await new Promise<string>((resolve) => {
    mounted.stdout.on('data', (chunk) => {
      const address = /"address":"([^"]+)"/.exec(String(chunk))?.[1]
      if (address) resolve(address)
    })
  })
  assert.equal((await call(url, 'GET', `/api/v1/charges/${id}`)).status, 200)
  await assertRefused(file, /Another MiniPay process is using/)
})

test('mount points are read as the system writes them', () => {
  const line = '36 35 98:0 /mnt1 /data\\040of\\011a\\134b/shop.db rw,noatime master:1 - ext3 /dev/root rw'
  assert.equal(mountPointOf(line), '/data of\ta\\b/shop.db')
})

test("file systems of the network are known by their numbers, this machine's are not", () => {
  assert.equal(networkFileSystem(0x6969), 'NFS')
  assert.equal(networkFileSystem(0xff534d42), 'CIFS')
  assert.equal(networkFileSystem(0xff534d42 | 0), 'CIFS', 'with a sign')
  for (const local of [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1])
    assert.equal(networkFileSystem(local), undefined)
})

const isPrivate = (file: string) => (statSync(file).mode & 0o077) === 0

test('only the owner can read the stored files, with any umask', async (t) => {
  const folder = folderOf(t)
  const file = join(folder, 'shop.db')
  const before = process.umask(0)
  let server: RunningServer
  try {
    server = await startServer(file)
  } finally {
    process.umask(before)
  }
  atEnd(t, server.kill)
  await charge(server.url, 'first')
  assert.equal((await runCli(['backup', join(folder, 'backup.db'), '--database', file])).code, 0)
  assert.deepEqual(readdirSync(folder).sort(), [
    'backup.db',
    ...['', '-key', '-lock', '-mark', '-pid', '-shm', '-wal'].map((end) => `shop.db${end}`),
  ])
  for (const name of readdirSync(folder)) assert.ok(isPrivate(join(folder, name)), name)
})

test('files that others could read are theirs no more, and the log says so', async (t) => {
  const { server, file } = await shop(t)
  await server.stop()
  chmodSync(file, 0o644)
  chmodSync(`${file}-lock`, 0o664)
  const next = await serve(t, file)
  assert.match(next.output(), /"files":\["[^"]*shop\.db","[^"]*shop\.db-lock"\].*Now only their owner can/)
  for (const end of ['', '-lock', '-wal', '-shm']) assert.ok(isPrivate(file + end), end)
})
