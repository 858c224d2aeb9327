import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAgain } from './read-again.ts'
import type { ListPage } from './resource.ts'

/** A list of numbers from `from` on in pages of 10; `loads` has the cursors. */
function list(from: number, to: number) {
  const loads: (string | undefined)[] = []
  const load = async (cursor: string | undefined): Promise<ListPage<number>> => {
    loads.push(cursor)
    const begin = cursor === undefined ? from : Number(cursor) + 1
    const data = Array.from({ length: Math.max(0, Math.min(10, to - begin)) }, (_, i) => begin + i)
    return { data, has_more: begin + 10 < to }
  }
  const cursorOf = ({ data }: ListPage<number>) => data.at(-1)?.toString()
  return { loads, list: { load, cursorOf, idOf: String, one: async (id: string) => Number(id) } }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('as many pages are read as are shown, at most ten, and not beyond the end', async () => {
  const cases = [
    [1_000, 25, 30],
    [1_000, 30, 30],
    [1_000, 500, 100],
    [15, 500, 15],
    [0, 20, 0],
  ] as const
  for (const [length, shown, rows] of cases) {
    const { list: read, loads } = list(0, length)
    const found = await readAgain(read, numbers(0, shown))
    assert.deepEqual(found, { rows: numbers(0, rows), newer: [], mayBeMore: false })
    assert.equal(loads.length, Math.max(1, Math.ceil(rows / 10)))
  }
})

test('new rows before those that are shown are counted, and whether there may be more', async () => {
  const near = await readAgain(list(-7, 1_000).list, numbers(0, 20))
  assert.deepEqual(near, { rows: numbers(-7, 23), newer: numbers(-7, 0), mayBeMore: false })
  // Many new ones: their first page, and then the rows that are shown, the first of them by itself.
  const { list: read, loads } = list(-700, 1_000)
  const far = await readAgain(read, numbers(0, 20))
  assert.deepEqual(far.newer, numbers(-700, -690))
  assert.deepEqual(far.rows, [...numbers(-700, -690), ...numbers(0, 21)])
  assert.equal(far.mayBeMore, true)
  assert.deepEqual(loads, [undefined, '0', '10'])
  // Nothing is shown yet, and all there is fits into a page.
  assert.deepEqual(await readAgain(list(0, 3).list, []), {
    rows: [0, 1, 2],
    newer: [0, 1, 2],
    mayBeMore: false,
  })
})
