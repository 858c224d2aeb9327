import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, meaningOf } from './errors.ts'

const failed = (code: string) => Object.assign(new Error('failed'), { code })

test('an error of the system is a lost connection, however much its code looks like one of PostgreSQL', () => {
  for (const code of ['EPIPE', 'EPERM', 'ECONNRESET', 'ETIMEDOUT'])
    assert.deepEqual([codeOf(failed(code)), meaningOf(failed(code))], [undefined, 'lost'], code)
})

test("the server's error code decides whether MiniPay retries, tries another host, or fails", () => {
  const meanings = {
    '40P01': 'again',
    '55P03': 'again',
    '25006': 'lost',
    '57P01': 'lost',
    '53300': 'unavailable',
    '23505': 'fault',
  }
  for (const [code, meaning] of Object.entries(meanings)) assert.equal(meaningOf(failed(code)), meaning, code)
})
