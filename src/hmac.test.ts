import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { hmacSha256 } from './hmac.ts'

test('the HMAC is that of RFC 4231', () => {
  const hex = (key: string | Buffer, text: string) =>
    hmacSha256(Buffer.from(key as string, typeof key === 'string' ? 'latin1' : undefined), '', text, 'hex')
  const long = Buffer.alloc(131, 0xaa)
  assert.equal(
    hex(Buffer.alloc(20, 0x0b), 'Hi There'),
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  )
  assert.equal(
    hex('Jefe', 'what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  )
  assert.equal(
    hex(long, 'Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  )
})

test('keys, bodies and encodings of every length give what node:crypto gives', () => {
  const texts = ['', 'a', 'é€😀'.repeat(7), '\ud800', 'x'.repeat(5_000), '€'.repeat(40_000), '{}']
  for (const length of [1, 24, 63, 64, 65, 200]) {
    const key = randomBytes(length)
    for (const text of texts)
      for (const body of [text, Buffer.from(text)])
        for (const encoding of ['base64', 'hex', 'buffer'] as const) {
          const prefix = encoding === 'hex' ? 'évt_1.' : 'evt_1.1800000000.'
          const own = hmacSha256(key, prefix, body, encoding)
          const theirs = createHmac('sha256', key).update(prefix).update(body).digest()
          assert.deepEqual(own, encoding === 'buffer' ? theirs : theirs.toString(encoding))
        }
  }
})
