import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { logged } from '../storage/migrations.ts'
import { createLog } from './log.ts'
import { fileOutput, streamOutput } from './log-output.ts'

/** A stream whose reader takes nothing until it is told to. */
function stalled(): { stream: Writable; text: () => string; read: () => void } {
  let text = ''
  let reading = false
  let waiting = () => {}
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      if (reading) done()
      else waiting = done
    },
  })
  return {
    stream,
    text: () => text,
    read() {
      reading = true
      waiting()
    },
  }
}

const line = `${'x'.repeat(999)}\n`

test('what a reader does not take waits up to a bound, then lines are dropped and counted, and the log says how many', async () => {
  const { stream, text, read } = stalled()
  const output = streamOutput(stream)
  for (let i = 0; i < 5_000; i++) output.write(line)
  assert.ok(stream.writableLength < 1.1 * 1024 * 1024)
  const dropped = output.dropped()
  assert.ok(dropped > 3_500, `${dropped}`)
  read()
  await output.flush(10_000)
  output.write('last\n')
  await output.flush(10_000)
  assert.match(text(), new RegExp(`\n\\{"level":"warn".*"lines":${dropped},.*\\}\nlast\n$`))
  assert.equal(text().split(line).length - 1 + dropped, 5_000)
})

test('the log has a step of an upgrade before that step occupies the thread', () => {
  const { stream, text, read } = stalled()
  read()
  const watch = logged(createLog('info', streamOutput(stream)))
  watch.onMigration?.('0001_initial.sql')
  watch.onFold?.('keys', 1, 2)
  assert.match(text(), /"migration":"0001_initial.sql".*\n.*"index":"keys","done":1,"all":2/)
})

test('a stop waits for a log that is not read only as long as it says', async () => {
  const output = streamOutput(stalled().stream)
  output.write(line)
  await output.flush(20)
})

test('a reader that has gone costs lines only', async () => {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
  const output = streamOutput(stream)
  output.write(line)
  await new Promise((resolve) => stream.once('close', resolve))
  output.write(line)
  output.write(line)
  assert.equal(output.dropped(), 2)
  await output.flush(10_000)
})

test('a file that cannot be written costs lines only', { skip: process.platform !== 'linux' }, () => {
  const full = openSync('/dev/full', 'w')
  const output = fileOutput(full)
  for (let i = 0; i < 3; i++) output.write(line)
  assert.equal(output.dropped(), 3)
  closeSync(full)
})
