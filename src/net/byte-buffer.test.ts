import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteBuffer } from './byte-buffer.ts'

test('pieces of any size come out as they went in, in order', () => {
  const text = Array.from({ length: 5_000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('')
  for (const size of [1, 2, 7, 1_023, 1_024, 1_025, 5_000]) {
    const buffer = new ByteBuffer(5_000)
    for (let at = 0; at < text.length; at += size)
      assert.equal(buffer.append(Buffer.from(text.slice(at, at + size))), true)
    assert.equal(buffer.take().toString(), text, `pieces of ${size}`)
  }
})

test('a piece that passes the limit is refused, and so is all that follows', () => {
  const buffer = new ByteBuffer(4)
  assert.equal(buffer.append(Buffer.from('abcd')), true)
  assert.equal(buffer.append(Buffer.from('')), true)
  assert.equal(buffer.append(Buffer.from('e')), false)
  assert.equal(buffer.append(Buffer.from('f')), false)
})

test('a piece is copied: a later change of it changes nothing', () => {
  const buffer = new ByteBuffer(10)
  const piece = Buffer.from('abc')
  buffer.append(piece)
  piece.fill(0)
  assert.equal(buffer.take().toString(), 'abc')
})

test('what was taken is gone', () => {
  const buffer = new ByteBuffer(10)
  buffer.append(Buffer.from('abc'))
  buffer.take()
  assert.equal(buffer.take().length, 0)
})

test('a piece that is all that was announced is not copied; what comes after it is kept all the same', () => {
  const piece = Buffer.from('abc')
  const whole = new ByteBuffer(10, 3)
  whole.append(piece)
  assert.equal(whole.take().buffer, piece.buffer)
  const more = new ByteBuffer(10, 3)
  for (const text of ['abc', 'def', 'ghi']) assert.equal(more.append(Buffer.from(text)), true)
  assert.equal(more.append(Buffer.from('jk')), false)
  const late = new ByteBuffer(10, 3)
  for (const text of ['a', 'bcd', 'efg']) late.append(Buffer.from(text))
  assert.equal(late.take().toString(), 'abcdefg')
})
