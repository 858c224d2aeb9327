import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Head, headText, readHead } from './head.ts'
import { digestOf } from './link.ts'

const HEADS: readonly Head[] = [
  { accountId: 1, live: 0, number: 1, hash: digestOf('a') },
  { accountId: 1, live: 1, number: Number.MAX_SAFE_INTEGER, hash: digestOf('b') },
  { accountId: 2_147_483_647, live: 1, number: 7, hash: digestOf('c') },
]

test('a head is read as it was printed, and the last one of a text counts', () => {
  const text = headText(HEADS) ?? ''
  assert.deepEqual(readHead(text), HEADS)
  const older = headText(HEADS.slice(0, 1)) ?? ''
  assert.deepEqual(readHead(`The books balance.\nHead: ${older}\n\nHead: ${text}\n`), HEADS)
  assert.equal(headText([]), undefined)
})

test('a head with a changed, missing or added character is refused', () => {
  const text = headText(HEADS) ?? ''
  for (let i = 'mph1_'.length; i < text.length; i++) {
    const other = text[i] === 'x' ? 'y' : 'x'
    assert.throws(() => readHead(text.slice(0, i) + other + text.slice(i + 1)), /incomplete|no head/)
    assert.throws(() => readHead(text.slice(0, i)), /incomplete|no head/)
  }
  assert.throws(() => readHead(`${text}x`), /incomplete/)
  assert.throws(() => readHead('mph2_abc'), /no head/)
})
