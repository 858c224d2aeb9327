import assert from 'node:assert/strict'
import { test } from 'node:test'
import { didYouMean, suggest } from './suggest.ts'

const FLAGS = ['port', 'host', 'database', 'providers', 'webhook-target', 'log-level']

test('a word with a slip of the finger, and one that was cut short, are recognised', () => {
  for (const [wrong, meant] of [
    ['prot', 'port'],
    ['prt', 'port'],
    ['Port', 'port'],
    ['databse', 'database'],
    ['provider', 'providers'],
    ['webhook', 'webhook-target'],
    ['loglevel', 'log-level'],
  ] as const)
    assert.equal(suggest(wrong, FLAGS), meant, wrong)
})

test('for a word that is like none, nothing is suggested', () => {
  for (const wrong of ['x', 'colour', '', 'a'.repeat(100_000)]) assert.equal(suggest(wrong, FLAGS), undefined)
  assert.equal(didYouMean('colour', FLAGS, '--'), '')
  assert.equal(didYouMean('prot', FLAGS, '--'), ' Did you mean --port?')
})
