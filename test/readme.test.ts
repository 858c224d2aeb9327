/**
 * Runs the README as a newcomer would, in one shell and one folder. Blocks marked `sh` are run, a block marked
 * `console` is what the one before it shows: each of its lines must be among the lines that were printed, with
 * ids, times and counts aside. Commands that install, start, test or measure are known and not run here.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CLI, call, type RunningServer, startServer } from './harness.ts'
import { assertShown, blocksOf, freePort, newcomer } from './newcomer.ts'

const BLOCKS = blocksOf('README.md')

const INSTALL_OR_MEASURE = /^(npm (ci|start|test|run (check|bench))|docker (build|run))\b/
const KILL = /^(kill -9 \$\(cat minipay\.db-pid\)\n)npm start\n$/
const isReceiver = (text: string) => text.includes('createServer')
const isLoad = (text: string) => text.includes('load-$i')

const { dir, env: SHELL_ENV, running, startShell } = newcomer()

test('every command of the README works and shows what the README shows', { timeout: 90_000 }, async () => {
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
      .replaceAll('npm run --silent minipay', `node '${CLI}'`)
      .replaceAll('seq 1 2000', 'seq 1 1000000')

  let server = await start()
  const run = startShell({ ...SHELL_ENV, MINIPAY_DATABASE: database })
  let received = ''
  let wake = () => {}
  let printed: () => Promise<string> = async () => ''
  let load: ReturnType<typeof run> | undefined
  let ran = 0

  for (const { kind, text } of BLOCKS) {
    if (kind === 'console') {
      assertShown(text, await printed())
      continue
    }
    assert.equal(kind, 'sh', `a block of the README is marked "${kind}"`)
    if (
      text
        .trim()
        .split('\n')
        .every((line) => INSTALL_OR_MEASURE.test(line))
    )
      continue
    ran++
    const kill = KILL.exec(text)?.[1]
    if (kill !== undefined) {
      await acknowledged(server, 20)
      assert.equal((await startShell(SHELL_ENV)(kill)).status, 0)
      await server.gone
      assert.equal((await load)?.status, 0)
      server = await start()
    } else if (isReceiver(text)) {
      const receiver = spawn('sh', ['-c', `exec ${here(text)}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: SHELL_ENV,
      })
      running.add(receiver)
      receiver.stdout.on('data', (chunk) => {
        received += chunk
        wake()
      })
    } else if (isLoad(text)) {
      load = run(here(text))
    } else {
      const result = await run(here(text))
      assert.equal(result.status, 0, text)
      assert.doesNotMatch(result.printed, /^lost: /m)
      printed = text.includes('refund.json') ? receivedBoth : async () => result.printed
    }
  }
  assert.ok(ran >= 8, `only ${ran} blocks were run`)
  assert.equal(await server.stop(), 0)

  /** What the receiver has printed, once the two webhooks of the last charge are there. */
  async function receivedBoth(): Promise<string> {
    while (!/payment\.succeeded .*cus_43/.test(received) || !/payment\.refunded .*cus_43/.test(received))
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    return received
  }
})

/** Resolves when the load has made `count` charges more. */
async function acknowledged(server: RunningServer, count: number): Promise<void> {
  const charges = async () =>
    (await call<{ total_charges: number }>(server.url, 'GET', '/metrics')).body.total_charges
  const before = await charges()
  while ((await charges()) < before + count) await delay(20)
}
