/**
 * Runs the README as a newcomer would, in one shell and one folder. Blocks marked `sh` are run, a block marked
 * `console` is what the one before it shows: each of its lines must be among the lines that were printed, with
 * ids, times and counts aside. Commands that install, start, test or measure are known and not run here.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CLI, call, type RunningServer, startServer, tempDir } from './harness.ts'

type Block = { readonly kind: string; readonly text: string }

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const BLOCKS: Block[] = [...README.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(
  ([, kind = '', text = '']) => ({
    kind,
    text,
  }),
)

const INSTALL_OR_MEASURE = /^(npm (ci|start|test|run (check|bench))|docker (build|run))\b/
const KILL = /^pkill -9 -f 'minipay\.js serve'\nnpm start\n$/
const isReceiver = (text: string) => text.includes('createServer')
const isLoad = (text: string) => text.includes('load-$i')

const dir = tempDir()
const { PATH } = process.env
/** The shell finds the Node that runs this test, and curl draws no progress bars into its output. */
const SHELL_ENV = { ...process.env, PATH: `${dirname(process.execPath)}:${PATH}`, CURL_HOME: dir.path }
writeFileSync(join(dir.path, '.curlrc'), 'silent\nshow-error\n')
const running = new Set<ChildProcess>()
after(async () => {
  for (const child of running) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  dir.remove()
})

/** What may differ from one run to the next. */
function normal(text: string): string {
  return text
    .replace(/(txn|re|evt|dlv|req)_[0-9a-z]{26}\b/g, '$1_ID')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\d+ (charges|refunds|entries)/g, 'N $1')
}

function assertShown(shown: string, printed: string): void {
  const lines = new Set(
    normal(printed)
      .split('\n')
      .map((line) => line.trimEnd()),
  )
  for (const line of normal(shown).trimEnd().split('\n'))
    assert.ok(lines.has(line), `the README shows\n${line}\nbut this was printed\n${normal(printed)}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : assert.fail()
}

/** A shell that lives as long as the README: what one block sets, the next one finds. */
function startShell(env: NodeJS.ProcessEnv): (text: string) => Promise<{ status: number; printed: string }> {
  const shell = spawn('sh', [], { cwd: dir.path, env, stdio: ['pipe', 'pipe', 'inherit'] })
  running.add(shell)
  return (text) =>
    new Promise((resolve, reject) => {
      let printed = ''
      const read = (chunk: Buffer) => {
        printed += chunk
        const end = /\n::ended (\d+)\n$/.exec(printed)
        if (!end) return
        shell.stdout.off('data', read)
        shell.off('exit', reject)
        resolve({ status: Number(end[1]), printed: printed.slice(0, end.index) })
      }
      shell.stdout.on('data', read)
      shell.once('exit', reject)
      shell.stdin.write(`${text}\nprintf '\\n::ended %s\\n' $?\n`)
    })
}

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
    if (KILL.test(text)) {
      await acknowledged(server, 20)
      await server.kill()
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
