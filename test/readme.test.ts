/**
 * Runs the README as a newcomer would, in one shell and one folder: each block marked `sh`. A block marked `console` or
 * `json` shows the output of the block before it. Each line of `console` must be among the printed lines, and each field
 * of `json` in the printed object; ids, times and counts may differ. Commands that install, start or build do not run.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { client } from './kit/client.ts'
import { assertFields, assertShown, blocksOf, newcomer } from './kit/newcomer.ts'
import { CLI, type RunningServer, startServer } from './kit/server.ts'
import { freePort } from './kit/sockets.ts'

const BLOCKS = blocksOf('README.md')

const INSTALL_OR_START = /^(git clone|npm ci|docker (build|run|logs))\b/
const isReceiver = (text: string) => text.includes('createServer')
const isKill = (text: string) => text.includes('kill -9')

const { dir, env: SHELL_ENV, running, startShell } = newcomer()

test('every command of the README works and shows what the README shows', { timeout: 300_000 }, async () => {
  const [port, webhookPort] = [await freePort(), await freePort()]
  const database = join(dir.path, 'minipay.db')
  const env = { PORT: String(port), WEBHOOK_TARGET: `http://localhost:${webhookPort}/webhook` }
  const start = async (): Promise<RunningServer> => {
    const server = await startServer(database, env)
    running.add(server.process)
    return server
  }
  const here = (text: string) =>
    text
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
      .replaceAll('8081', String(webhookPort))
      .replaceAll(/npm run --silent minipay( --)?/g, `node '${CLI}'`)

  let server = await start()
  const run = startShell({ ...SHELL_ENV, MINIPAY_DATABASE: database, MINIPAY_SERVER: server.url })
  let received = ''
  let wake = () => {}
  let printed: () => Promise<string> = async () => ''
  let ran = 0

  let introduction = ''
  for (const { kind, text, before } of BLOCKS) {
    // Between a command and its output is a line at most; "shortened" may stand before the command.
    introduction = kind === 'sh' ? before : introduction + before
    if (kind === 'json') assertFields(text, await printed(), introduction.includes('shortened'))
    if (kind === 'console') assertShown(text, await printed())
    if (kind === 'json' || kind === 'console') continue
    assert.equal(kind, 'sh', `a block of the README is marked "${kind}"`)
    if (
      text
        .trim()
        .split('\n')
        .every((line) => INSTALL_OR_START.test(line))
    )
      continue
    ran++
    if (isReceiver(text)) {
      const receiver = spawn('sh', ['-c', `exec ${here(text)}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: SHELL_ENV,
      })
      running.add(receiver)
      receiver.stdout.on('data', (chunk) => {
        received += chunk
        wake()
      })
    } else {
      const result = await run(here(text))
      assert.equal(result.status, 0, text)
      assert.doesNotMatch(result.printed, /^(lost: |0 checked)/m)
      if (isKill(text)) {
        await server.gone
        server = await start()
      }
      printed = text.includes('refund.json') ? receivedBoth : async () => result.printed
    }
  }
  assert.ok(ran >= 8, `only ${ran} blocks were run`)
  // The receiver of the page also reads the body that a registered endpoint gets.
  const api = client(server.url)
  await api.post('/api/v1/webhook_endpoints', { url: `http://localhost:${webhookPort}/registered` })
  await api.charge({ customer: 'cus_44' })
  await receives(/(payment\.succeeded cus_44 \d+ usd succeeded\n[\s\S]*){2}/)
  assert.equal(await server.stop(), 0)

  /** What the receiver has printed, once the two webhooks of the charge are there. */
  async function receivedBoth(): Promise<string> {
    await receives(/payment\.succeeded .*cus_43/)
    await receives(/payment\.refunded .*cus_43/)
    return received
  }

  async function receives(pattern: RegExp): Promise<void> {
    while (!pattern.test(received))
      await new Promise<void>((resolve) => {
        wake = resolve
      })
  }
})
