/** Runs docs/orchestration.md as a newcomer would: two banks, one dies, an answer is lost; then back to the README. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { CLI } from './harness.ts'
import { assertShown, blocksOf, freePort, newcomer } from './newcomer.ts'

const PORTS = ['8080', '9001', '9002'] as const
/** Blocks that start something in a terminal of its own, and what that prints when it is there. */
const STARTS = /npm run minipay -- sandbox|npm start/
const LISTENS = /The bank is at|"address":/

const { dir, env, running, startShell } = newcomer()

test('every step with two banks works and shows what the page shows', { timeout: 90_000 }, async () => {
  const free = new Map(
    await Promise.all(PORTS.map(async (port) => [port, String(await freePort())] as const)),
  )
  const here = (text: string) =>
    PORTS.reduce((moved, port) => moved.replaceAll(port, free.get(port) as string), text)
      .replaceAll(/npm run (--silent )?minipay --/g, `node '${CLI}'`)
      .replaceAll(/npm start(?: --)?/g, `node '${CLI}' serve`)
  const terminals = { ...env, PORT: free.get('8080'), WEBHOOK_TARGET: '' }
  const shell = startShell({ ...env, MINIPAY_SERVER: `http://127.0.0.1:${free.get('8080')}` })
  let printed = ''
  let bankA = ''
  const started: ChildProcess[] = []

  async function start(text: string): Promise<void> {
    // As a group of its own, so that `exec` is not needed in the page: the shell gives way to what it starts.
    const child: ChildProcess = spawn('sh', ['-c', text.replace('node ', 'exec node ')], {
      cwd: dir.path,
      env: text.includes('sandbox') ? env : terminals,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.add(child)
    started.push(child)
    let output = ''
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', (chunk) => {
        output += chunk
        if (LISTENS.test(output)) resolve()
      })
      child.once('exit', (code) => reject(new Error(`it ended with ${code}:\n${output}`)))
    })
  }

  async function stopAll(): Promise<void> {
    for (const child of started.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGINT')
      await once(child, 'exit')
    }
  }

  for (const { kind, text } of blocksOf('docs/orchestration.md')) {
    if (kind === 'console') {
      assertShown(text, printed)
      continue
    }
    assert.equal(kind, 'sh')
    if (STARTS.test(text)) {
      bankA ||= here(text)
      await start(here(text))
      continue
    }
    // "Start bank A again, as above."
    if (text.includes('hold_after')) await start(bankA)
    // "Stop MiniPay and both banks with Ctrl+C."
    if (text.startsWith('rm ')) await stopAll()
    const result = await shell(here(text))
    assert.equal(result.status, 0, `${text}\n${result.printed}`)
    printed = result.printed
  }
  const left = readdirSync(dir.path).filter((name) => !name.startsWith('.'))
  assert.deepEqual(
    left.filter((name) => !name.startsWith('minipay.db')),
    [],
    'the clean-up leaves nothing but the database of the README',
  )
})
