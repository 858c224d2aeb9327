/** The program of docs/embedding.md runs as a reader saves it, and the page has every option. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { SETTINGS } from '../src/config.ts'
import { CORE_SETTINGS } from '../src/core.ts'
import { folderOf } from './kit/folders.ts'
import { assertShown, blocksOf } from './kit/newcomer.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGE = 'docs/embedding.md'

/** Runs a program with settings of a server in its environment, which the library must not read. */
async function run(program: string, cwd: string): Promise<string> {
  const env = { ...process.env, MINIPAY_DATABASE: 'other.db', MINIPAY_LOG_LEVEL: 'debug', PORT: '1' }
  const child = spawn(process.execPath, [program], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  let complained = ''
  child.stdout.on('data', (chunk) => (printed += chunk))
  child.stderr.on('data', (chunk) => (complained += chunk))
  const [code] = await once(child, 'close')
  assert.deepEqual([code, complained], [0, ''])
  return printed
}

test('the program of the page charges, refunds and ends, prints nothing else, and repeats with the same results', async (t) => {
  const [program, shown] = blocksOf(PAGE)
  assert.ok(program?.kind === 'js' && shown?.kind === 'text')
  const folder = folderOf(t)
  // As `npm install ../minipay` does.
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules', 'minipay'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'shop.js'), program.text)
  const printed = await run('shop.js', folder)
  assertShown(shown.text, printed)
  assert.equal(printed.split('\n').length, shown.text.split('\n').length)
  assert.equal(await run('shop.js', folder), printed)
  assert.ok(!readdirSync(folder).includes('other.db'))
})

test('the page has every option with its default', () => {
  const text = readFileSync(join(ROOT, PAGE), 'utf8')
  for (const key of CORE_SETTINGS) {
    const shown = SETTINGS[key].default === '' ? 'empty' : `\`${SETTINGS[key].default}\``
    const row = text.split('\n').find((line) => line.startsWith(`| \`${key}\` `))
    assert.ok(row?.includes(`| ${shown} `), `${PAGE} has no row ${key} with the default ${shown}`)
  }
})
