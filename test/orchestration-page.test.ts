/** Runs docs/orchestration.md as a newcomer would: two banks, one dies, a response is lost; then back to the README. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { assertShown, blocksOf, newcomer, type Terminal } from './kit/newcomer.ts'
import { CLI } from './kit/server.ts'
import { freePort } from './kit/sockets.ts'

const PORTS = ['8080', '9001', '9002'] as const
/** Blocks that start a program in a terminal of its own, and the output that shows that it listens. */
const STARTS = /npm run minipay -- simulator|npm start/
const LISTENS = /The simulator is at|"address":/

const { dir, env, terminal, stopTerminals, startShell } = newcomer()

test('every step with two banks works and shows what the page shows', { timeout: 300_000 }, async () => {
  const free = new Map(
    await Promise.all(PORTS.map(async (port) => [port, String(await freePort())] as const)),
  )
  const here = (text: string) =>
    PORTS.reduce((moved, port) => moved.replaceAll(port, free.get(port) as string), text)
      .replaceAll(/npm run (--silent )?minipay --/g, `node '${CLI}'`)
      .replaceAll(/npm start(?: --)?/g, `node '${CLI}' serve`)
  const served = { ...env, PORT: free.get('8080'), WEBHOOK_TARGET: '' }
  const shell = startShell({ ...env, MINIPAY_SERVER: `http://127.0.0.1:${free.get('8080')}` })
  let printed = ''
  let bankA = ''
  const started: Terminal[] = []

  const start = (text: string) => terminal(text, text.includes(`'${CLI}' sandbox`) ? env : served, LISTENS)

  for (const { kind, text } of blocksOf('docs/orchestration.md')) {
    if (kind === 'console') {
      assertShown(text, printed)
      continue
    }
    assert.equal(kind, 'sh')
    if (STARTS.test(text)) {
      bankA ||= here(text)
      started.push(await start(here(text)))
      continue
    }
    // "Start bank A again, as above."
    if (text.includes('hold_after')) await start(bankA)
    // "Stop MiniPay and both banks with Ctrl+C."
    if (text.startsWith('rm ')) await stopTerminals()
    const result = await shell(here(text))
    assert.equal(result.status, 0, `${text}\n${result.printed}`)
    printed = result.printed
    // A killed process may accept connections for a moment; a call then ends as unknown, not as refused.
    if (text.startsWith('kill -9')) await started[0]?.stop()
  }
  const left = readdirSync(dir.path).filter((name) => !name.startsWith('.'))
  assert.deepEqual(
    left.filter((name) => !name.startsWith('minipay.db')),
    [],
    'the clean-up leaves nothing but the database of the README',
  )
})
