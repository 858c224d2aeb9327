import assert from 'node:assert/strict'
import test from 'node:test'
import { drawsFrom } from '../../../test/kit/draws.ts'
import { capacityOf } from './folding.ts'
import { KeyTable, keyMemory, tablesIn } from './key-table.ts'

const SLOTS = 16
function table(base = 0): KeyTable {
  const made = new KeyTable(new SharedArrayBuffer(KeyTable.bytes(SLOTS)), 0, SLOTS)
  made.clear(base)
  return made
}

test('an entry at the end of the table continues at its beginning', () => {
  const keys = table()
  for (const seq of [1, 2, 3]) keys.add(SLOTS - 1, seq)
  keys.add(0, 4)
  assert.deepEqual(keys.find(SLOTS - 1), [1, 2, 3])
  assert.deepEqual(keys.find(0), [4])
  assert.deepEqual(keys.find(1), [])
})

test('hashes that share their lower 32 bits are found together, and others are not', () => {
  const keys = table(2 ** 40)
  keys.add(5, 2 ** 40)
  keys.add(2 ** 32 + 5, 2 ** 40 + 9)
  keys.add(2 ** 31 + 5, 2 ** 40 + 10)
  assert.deepEqual(keys.find(2 ** 40 + 5), [2 ** 40, 2 ** 40 + 9])
  assert.deepEqual(keys.find(2 ** 31 + 5), [2 ** 40 + 10])
  assert.deepEqual(keys.find(5 + SLOTS), [])
})

test('the last entry can be removed again and again, and hides no other', () => {
  const draw = drawsFrom(7)
  const keys = table()
  const entries: [hash: number, seq: number][] = []
  for (let seq = 1; seq <= 3_000; seq++) {
    if (entries.length > 0 && (entries.length === (SLOTS * 3) / 4 || draw.chance(0.45)))
      keys.removeLast(...(entries.pop() as [number, number]))
    else {
      const entry: [number, number] = [draw.between(0, 20), seq]
      entries.push(entry)
      keys.add(...entry)
    }
    for (let hash = 0; hash <= 20; hash++)
      assert.deepEqual(
        keys.find(hash),
        entries.filter(([own]) => own === hash).map(([, own]) => own),
      )
  }
})

test('a cleared table has no entry, and two tables share no memory', () => {
  const [one, two] = tablesIn(keyMemory(8))
  one.clear(1)
  two.clear(1)
  for (let i = 0; i < capacityOf(8); i++) one.add(i, i + 1)
  for (let i = 0; i < capacityOf(8); i++) assert.deepEqual([one.find(i), two.find(i)], [[i + 1], []])
  one.clear(0)
  for (let i = 0; i < capacityOf(8); i++) assert.deepEqual(one.find(i), [])
})
