import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesKept } from '../../test/kit/garbage.ts'
import { PassingMap } from './passing-map.ts'

test('it has what was set and not deleted, in the order in which it was set', () => {
  const map = new PassingMap<string, { readonly n: number }>()
  for (let n = 0; n < 5; n++) map.set(`${n}`, { n })
  map.set('1', { n: 10 })
  assert.equal(map.delete('3'), true)
  assert.equal(map.delete('3'), false)
  assert.deepEqual([map.size, map.get('3'), map.get('1')], [4, undefined, { n: 10 }])
  assert.deepEqual(
    [...map.values()].map(({ n }) => n),
    [0, 2, 4, 10],
  )
  map.clear()
  assert.deepEqual([map.size, [...map.values()]], [0, []])
})

test('what was deleted is collected with the young objects, also after a collection of the whole heap', async () => {
  const map = new PassingMap<number, readonly number[]>()
  let number = 0
  /** Values of which 64 are there at a time pass through the map: 16 MB of them. */
  const pass = () => {
    for (let i = 0; i < 20_000; i++) {
      map.set(++number, new Array(100).fill(i))
      map.delete(number - 64)
    }
  }
  assert.ok((await bytesKept(pass)) < 8_000_000)
})
