/** `minipay stop`: ends the process that really holds the database, and no other. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { tempDir } from '../kit/folders.ts'
import { runCli, startServer } from '../kit/server.ts'

const POSTGRES = process.env['TEST_POSTGRES'] !== undefined && 'there is one process a file on SQLite only'

function newFile(t: TestContext): string {
  const folder = tempDir()
  t.after(() => folder.remove())
  return join(folder.path, 'shop.db')
}

test('minipay stop stops the server, waits for its end, and says so', { skip: POSTGRES }, async (t) => {
  const file = newFile(t)
  const server = await startServer(file)
  t.after(() => server.kill())
  const { pid } = server.process
  assert.match(server.output(), new RegExp(`"pid":${pid},`))
  assert.equal(readFileSync(`${file}-pid`, 'utf8'), `${pid}\n`)

  const stopped = await runCli(['stop', '--database', file])
  assert.deepEqual(stopped, {
    code: 0,
    stdout: `MiniPay has stopped: process ${pid} served ${file}.\n`,
    stderr: '',
  })
  assert.equal(await server.gone, 0)
  assert.equal(existsSync(`${file}-pid`), false)

  const again = await runCli(['stop', '--database', file])
  assert.deepEqual([again.code, again.stderr], [1, `minipay: No MiniPay server uses ${file}.\n`])
})

test('a process that has the process id of a killed server is not signaled', {
  skip: POSTGRES,
}, async (t) => {
  const file = newFile(t)
  const server = await startServer(file)
  await server.kill()
  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  t.after(() => other.kill('SIGKILL'))
  writeFileSync(`${file}-pid`, `${other.pid}\n`)
  assert.equal((await runCli(['stop', '--database', file])).code, 1)
  assert.equal(other.exitCode ?? other.signalCode, null)

  // A server that runs, but whose number is not this one: as it is in another container.
  const next = await startServer(file)
  t.after(() => next.kill())
  writeFileSync(`${file}-pid`, `${other.pid}\n`)
  const refused = await runCli(['stop', '--database', file])
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /is served by process \d+ of another container or user. Stop it there/)
  assert.equal(other.exitCode ?? other.signalCode, null)
  assert.equal(next.process.exitCode, null)
})

test('a server that hangs is named after the time-out', { skip: POSTGRES }, async (t) => {
  const file = newFile(t)
  const server = await startServer(file)
  t.after(() => server.kill())
  server.process.kill('SIGSTOP')
  const { code, stderr } = await runCli(['stop', '--database', file, '--shutdown-timeout-ms', '0'])
  assert.equal(code, 1)
  assert.match(stderr, /got SIGTERM but did not end within 3 s/)
})

test('for PostgreSQL minipay stop says how nodes are stopped', async () => {
  const { code, stderr } = await runCli(['stop', '--database', 'postgres://a@127.0.0.1:1/b'])
  assert.equal(code, 2)
  assert.match(stderr, /send SIGTERM to each/)
})
