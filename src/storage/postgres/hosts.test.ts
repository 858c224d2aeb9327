import assert from 'node:assert/strict'
import test from 'node:test'
import { publicUrl } from '../../database-name.ts'
import { hostsOf } from './hosts.ts'

test('a public name has no password, at any place of the URL', () => {
  const urls = {
    'postgres://one:5432/books': 'postgres://one:5432/books',
    'postgres://pay:s3cret@one:5432,two:5433/books': 'postgres://pay@one:5432,two:5433/books',
    'postgresql://pay@one/books?sslmode=require': 'postgresql://pay@one/books',
    'postgres://one/books?user=pay&password=s3cret': 'postgres://one/books',
    'postgres://pay:%2Fs3cret@[::1]:5432': 'postgres://pay@[::1]:5432',
  }
  for (const [url, name] of Object.entries(urls)) {
    assert.equal(publicUrl(url), name)
    assert.doesNotThrow(() => hostsOf(url))
  }
})

test('an invalid URL is refused with a sentence that repeats no part of it, and has no name', () => {
  for (const url of [
    'postgres://pay:s3/cret@one:5432/books',
    'postgres://pay:5/s3cret@one/books',
    'postgres://pay:5?s3cret@one/books',
    'postgres://pay:s3?cret@one/books',
    'postgres://pay:s3#cret@one/books',
    'postgres://pay:s3@cret@one/books',
    'postgres://pay:s3%cret@one/books',
    'postgres://pay:s3cret@one:port/books',
    'postgres://pay:s3cret@one,,two/books',
  ]) {
    assert.throws(
      () => hostsOf(url),
      (error: Error) => /percent-encoded/.test(error.message) && !/s3|cret|one/.test(error.message),
      url,
    )
    assert.doesNotMatch(publicUrl(url), /s3|cret|5/)
  }
})

test('an unknown parameter is refused: a typo in sslmode would turn TLS off', () => {
  assert.throws(() => hostsOf('postgres://minipay:secret@db/minipay?sslmod=require'), /parameter "sslmod"/)
  assert.equal(hostsOf('postgres://minipay@db/minipay?sslmode=require&channel_binding=require').length, 1)
})
