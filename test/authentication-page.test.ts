/** The page on authentication: its commands in their order, in one shell, against a new server. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { atEnd } from './kit/folders.ts'
import { blocksOf, newcomer } from './kit/newcomer.ts'
import { startServer } from './kit/server.ts'

const blocks = blocksOf('docs/authentication.md')
const { dir, env, startShell } = newcomer()

test('every command for a server on loopback works, and prints the fields that are shown after it', async (t) => {
  const server = await startServer(join(dir.path, 'minipay.db'))
  atEnd(t, server.kill)
  const run = startShell({ ...env, MINIPAY_KEY: '' })
  let made: { readonly id: string; readonly secret: string } | undefined
  let last = ''
  let ran = 0
  for (const { kind, text } of blocks) {
    if (kind === 'json') {
      const shown = JSON.parse(text) as object
      assert.deepEqual(Object.keys(JSON.parse(last)), Object.keys(shown))
      continue
    }
    if (!text.includes('127.0.0.1:8080')) continue
    const { status, printed } = await run(
      text
        .replaceAll('http://127.0.0.1:8080', server.url)
        .replaceAll('mp_test_…', made?.secret ?? '')
        .replaceAll(/key_\w{26}/g, made?.id ?? ''),
    )
    assert.equal(status, 0, text)
    assert.doesNotMatch(printed, /"code":/, text)
    last = printed
    made ??= JSON.parse(printed)
    ran++
  }
  assert.equal(ran, 5)
})
