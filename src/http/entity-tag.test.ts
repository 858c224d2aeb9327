import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasRepresentation } from './entity-tag.ts'

test('a client has a representation whose tag it names, weak or strong, alone or in a list', () => {
  for (const sent of ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a"', ' "a" ', '*', '"x,y", "a"'])
    for (const own of ['"a"', 'W/"a"']) assert.equal(hasRepresentation(sent, own), true, sent)
})

test('a client has no other representation', () => {
  for (const sent of [undefined, '', 'a', '"a', '"a-gzip"', 'W/"b"', '"b", "c"', '"b*"', '"A"', '"a ", "b"'])
    assert.equal(hasRepresentation(sent, '"a"'), false, String(sent))
})
