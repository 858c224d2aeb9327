import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergePages } from './merge-pages.ts'

const page = (ids: string, hasMore = false) => ({ data: [...ids].map((id) => ({ id })), hasMore })
const merged = (...args: Parameters<typeof mergePages<{ id: string }>>) => {
  const { data, hasMore } = mergePages(...args)
  return [data.map(({ id }) => id).join(''), hasMore]
}

test('the pages of several filters become one page in the order of the ids', () => {
  assert.deepEqual(merged([page('eca'), page('db')], { limit: 5 }), ['edcba', false])
  assert.deepEqual(merged([page('eca'), page('db')], { limit: 4 }), ['edcb', true])
  assert.deepEqual(merged([page('ace'), page('bd')], { limit: 5, oldestFirst: true }), ['abcde', false])
  assert.deepEqual(merged([page(''), page('')], { limit: 5 }), ['', false])
})

test('behind the end of a page that has more, the objects of other pages wait for the next page', () => {
  assert.deepEqual(merged([page('ec', true), page('db')], { limit: 5 }), ['edc', true])
  assert.deepEqual(merged([page('bd', true), page('ace', true)], { limit: 5, oldestFirst: true }), [
    'abcd',
    true,
  ])
})
