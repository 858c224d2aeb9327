import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { folderOf } from '../../test/kit/folders.ts'
import { makeKeyFile, readKeyFile, writeKeyFile } from './key-file.ts'
import { keysOf, newKeyText } from './key-text.ts'

const fileIn = (t: TestContext) => join(folderOf(t), 'a.db-key')

test('a new key file has one key, and only its owner can read it', (t) => {
  const file = fileIn(t)
  assert.equal(readKeyFile(file), undefined)
  const keys = makeKeyFile(file)
  assert.equal(keys.length, 1)
  assert.deepEqual(readKeyFile(file), keys)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(join(file, '..')), ['a.db-key'], 'and nothing else is left beside it')
})

test('a key file that exists is never overwritten', (t) => {
  const file = fileIn(t)
  const keys = makeKeyFile(file)
  assert.deepEqual(makeKeyFile(file), keys)
  assert.deepEqual(readKeyFile(file), keys)
})

test('processes that make the file at once get the same key', async (t) => {
  const file = fileIn(t)
  const script = `import { makeKeyFile } from ${JSON.stringify(join(import.meta.dirname, 'key-file.ts'))}
    console.log(makeKeyFile(${JSON.stringify(file)})[0].toString('base64'))`
  const processes = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] }),
  )
  const keys = await Promise.all(
    processes.map(async (made) => {
      const ended = once(made, 'close')
      const text = (await made.stdout.toArray()).join('')
      await ended
      return text
    }),
  )
  assert.deepEqual([...new Set(keys)], [readFileSync(file, 'latin1')])
})

test('a key file that other users can read is refused with the command that mends it', (t) => {
  const file = fileIn(t)
  makeKeyFile(file)
  for (const mode of [0o640, 0o604, 0o660, 0o610]) {
    chmodSync(file, mode)
    assert.throws(() => readKeyFile(file), { name: 'VaultError', message: new RegExp(`chmod 600 ${file}`) })
  }
  chmodSync(file, 0o400)
  assert.equal(readKeyFile(file)?.length, 1)
})

test('a file that is no key file is refused, and stays as it is', (t) => {
  const file = fileIn(t)
  for (const text of ['', '\n', 'key', newKeyText().slice(4), `${newKeyText()}\n#`, 'x'.repeat(5_000)]) {
    writeFileSync(file, text, { mode: 0o600 })
    assert.throws(() => makeKeyFile(file), { name: 'VaultError' }, JSON.stringify(text))
    assert.equal(readFileSync(file, 'latin1'), text)
  }
  mkdirSync(`${file}2`)
  assert.throws(() => readKeyFile(`${file}2`), { name: 'VaultError' })
})

test('replaced keys are read in their order, newest first', (t) => {
  const file = fileIn(t)
  const [old] = makeKeyFile(file) as [Buffer]
  const [next] = keysOf(newKeyText()) as [Buffer]
  writeKeyFile(file, [next, old])
  assert.deepEqual(readKeyFile(file), [next, old])
  assert.equal(statSync(file).mode & 0o777, 0o600)
})

test('keys are 32 bytes in base64, separated by commas or new lines', () => {
  const [a, b] = [newKeyText(), newKeyText()]
  for (const text of [`${a},${b}`, ` ${a} ,${b}, `, `${a}\n${b}\n`])
    assert.deepEqual(
      keysOf(text)?.map((key) => key.toString('base64')),
      [a, b],
    )
  assert.deepEqual(keysOf(''), [])
  for (const wrong of ['abc', `${a}x`, a.slice(0, -1), `${a};${b}`, Buffer.alloc(16).toString('base64')])
    assert.equal(keysOf(wrong), undefined, wrong)
})
