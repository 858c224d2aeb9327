import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createGrouping, type Ended } from './grouping.ts'

const PATIENCE_MS = 50

/** A grouping whose groups end when the test ends them. */
function grouping(concurrency = 2) {
  const started: { readonly items: readonly string[]; end(): Promise<void> }[] = []
  const made = createGrouping<string, string>({
    largest: 4,
    leastBeside: 2,
    concurrency,
    patienceMs: PATIENCE_MS,
    run(items) {
      const { promise, resolve } = Promise.withResolvers<readonly Ended<string>[]>()
      const end = async () => {
        resolve(items.map((value) => ({ value })))
        await turn()
        await turn()
      }
      started.push({ items, end })
      return promise
    },
  })
  const add = async (...items: readonly string[]) => {
    for (const item of items) void made.add(item)
    await turn()
    await turn()
  }
  return { add, started, groups: () => started.map(({ items }) => items.join('')) }
}

test('items that arrive while a group is in progress wait for its end and become one group', async () => {
  const { add, started, groups } = grouping()
  await add('a', 'b', 'c')
  await add('d')
  await add('e')
  assert.deepEqual(groups(), ['abc'])
  await started[0]?.end()
  assert.deepEqual(groups(), ['abc', 'de'])
  await started[1]?.end()
  await add('f')
  assert.deepEqual(groups(), ['abc', 'de', 'f'])
})

test('a group that is as large as the one in progress begins beside it, but no very small one', async () => {
  const { add, started, groups } = grouping()
  await add('a')
  await add('b')
  assert.deepEqual(groups(), ['a'])
  await add('c')
  assert.deepEqual(groups(), ['a', 'bc'])
  await add('d', 'e', 'f')
  await started[0]?.end()
  assert.deepEqual(groups(), ['a', 'bc', 'def'])
  await started[1]?.end()
  await add('g', 'h')
  assert.deepEqual(groups(), ['a', 'bc', 'def'])
  await add('i')
  assert.deepEqual(groups(), ['a', 'bc', 'def', 'ghi'])
})

test('a full group begins beside one that is full', async () => {
  const { add, groups } = grouping()
  await add('a', 'b', 'c', 'd', 'e')
  assert.deepEqual(groups(), ['abcd'])
  await add('f', 'g', 'h')
  assert.deepEqual(groups(), ['abcd', 'efgh'])
})

test('a group that takes long does not keep the next one waiting, and no more than two are in progress', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { add, started, groups } = grouping()
    await add('a')
    await add('b')
    mock.timers.tick(PATIENCE_MS - 1)
    await turn()
    assert.deepEqual(groups(), ['a'])
    mock.timers.tick(1)
    await turn()
    assert.deepEqual(groups(), ['a', 'b'])
    await add('c', 'd', 'e', 'f')
    mock.timers.tick(PATIENCE_MS)
    await turn()
    assert.deepEqual(groups(), ['a', 'b'])
    // The end of a late group lets the next one begin, although the other one is late, too.
    await started[0]?.end()
    assert.deepEqual(groups(), ['a', 'b', 'cdef'])
    await started[1]?.end()
    await add('g')
    assert.deepEqual(groups(), ['a', 'b', 'cdef'])
    await started[2]?.end()
    assert.deepEqual(groups(), ['a', 'b', 'cdef', 'g'])
  } finally {
    mock.timers.reset()
  }
})
