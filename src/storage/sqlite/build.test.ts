import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { tempDir } from '../../../test/kit/folders.ts'
import type { openSqliteStore } from './store.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** A MiniPay of its own, whose main modules are loaded; and a way to replace text in its files, as an upgrade does. */
async function installed(t: TestContext) {
  const folder = tempDir()
  t.after(() => folder.remove())
  const at = (path: string) => join(folder.path, path)
  cpSync(join(ROOT, 'src'), at('src'), { recursive: true })
  cpSync(join(ROOT, 'package.json'), at('package.json'))
  symlinkSync(join(ROOT, 'node_modules'), at('node_modules'))
  mkdirSync(at('data'), { mode: 0o700 })
  const store = pathToFileURL(at('src/storage/sqlite/store.ts')).href
  const loaded = (await import(store)) as { openSqliteStore: typeof openSqliteStore }
  return {
    open: async () => loaded.openSqliteStore({ file: at('data/a.db'), onFatal: assert.fail }),
    replace(path: string, from: string, to: string) {
      const text = readFileSync(at(path), 'utf8')
      assert.ok(text.includes(from), `${path} has no ${from}`)
      writeFileSync(at(path), text.replace(from, to))
    },
  }
}

const REFUSED = /loaded different versions of MiniPay.* Start MiniPay again\.$/

const UPGRADES = {
  'the order of two columns': [
    'src/storage/columns.ts',
    'customer: text,\n  capture: flag,\n  paymentMethod: text,',
    'paymentMethod: text,\n  customer: text,\n  capture: flag,',
  ],
  'how a column is written': [
    'src/storage/columns.ts',
    'amount,\n  amountCaptured',
    'amount: integer as never,\n  amountCaptured',
  ],
  'a write': ['src/storage/sqlite/write-keys.ts', 'lastKey: number, limit', 'limit: number, lastKey'],
  'the message of a commit': [
    'src/storage/sqlite/commit-message.ts',
    'all.push(debit, credit,',
    'all.push(credit, debit,',
  ],
  'a guard': ['src/storage/guards.ts', 'version > 1 &&', 'version > 2 &&'],
  'the version of the package': ['package.json', '"version": "0', '"version": "9'],
} as const

for (const [what, [path, from, to]] of Object.entries(UPGRADES))
  test(`an upgrade that changes ${what} during a start is refused before anything is written`, async (t) => {
    const { open, replace } = await installed(t)
    replace(path, from, to)
    await assert.rejects(open(), { message: REFUSED })
  })

test('a database thread of a version that compares nothing is refused', async (t) => {
  const { open, replace } = await installed(t)
  replace('src/storage/sqlite/writer-thread.ts', 'if (build !== BUILD) throw new Error(TWO_BUILDS)', '')
  replace('src/storage/sqlite/writer-thread.ts', 'port.postMessage(BUILD)', "port.postMessage('ready')")
  await assert.rejects(open(), { message: REFUSED })
})

test('the threads of one version open a database', async (t) => {
  const { open } = await installed(t)
  await (await open()).close()
})
