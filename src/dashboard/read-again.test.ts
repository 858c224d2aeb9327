import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAgain } from './read-again.ts'
import type { ListPage } from './resource.ts'

/** A list of numbers in pages of 10; `loads` has the cursors. */
function list(length: number) {
  const loads: (string | undefined)[] = []
  const load = async (cursor: string | undefined): Promise<ListPage<number>> => {
    loads.push(cursor)
    const from = cursor === undefined ? 0 : Number(cursor) + 1
    const data = Array.from({ length: Math.min(10, length - from) }, (_, i) => from + i)
    return { data, has_more: from + 10 < length }
  }
  return { loads, load, cursorOf: ({ data }: ListPage<number>) => data.at(-1)?.toString() }
}

test('as many pages are read as are shown, at most ten, and not beyond the end', async () => {
  const cases = [
    [1_000, 25, 30],
    [1_000, 30, 30],
    [1_000, 500, 100],
    [15, 500, 15],
    [0, 20, 0],
  ] as const
  for (const [length, shown, rows] of cases) {
    const { load, loads, cursorOf } = list(length)
    const read = await readAgain(load, cursorOf, shown)
    assert.deepEqual(
      read,
      Array.from({ length: rows }, (_, i) => i),
    )
    assert.equal(loads.length, Math.max(1, Math.ceil(rows / 10)))
  }
})
