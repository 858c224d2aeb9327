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

test('a page that ended early ends the merged page there, with a cursor for the next one', () => {
  const early = (ids: string, next: string) => ({ ...page(ids, true), next })
  const next = (...args: Parameters<typeof mergePages<{ id: string }>>) => [
    ...merged(...args),
    mergePages(...args).next,
  ]
  assert.deepEqual(next([early('h', 'e'), page('gb')], { limit: 5 }), ['hg', true, 'e'])
  assert.deepEqual(next([early('', 'e'), page('b')], { limit: 5 }), ['', true, 'e'])
  assert.deepEqual(next([early('h', 'e'), early('g', 'f')], { limit: 5 }), ['hg', true, 'f'])
  assert.deepEqual(next([early('h', 'e'), page('gb')], { limit: 1 }), ['h', true, undefined])
  assert.deepEqual(next([page('hd', true), page('gb')], { limit: 5 }), ['hgd', true, undefined])
})

test('a page that is read towards newer objects keeps those next to its cursor', () => {
  const before = { limit: 2, endingBefore: 'a' }
  assert.deepEqual(merged([page('hd'), page('gb')], before), ['db', true])
  assert.deepEqual(merged([page('d', true), page('gb')], before), ['db', true])
})

test('an object that is in two pages counts once', () => {
  assert.deepEqual(merged([page('hd'), page('gdb')], { limit: 5 }), ['hgdb', false])
})
