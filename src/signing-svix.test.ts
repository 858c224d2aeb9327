import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Webhook } from 'svix'
import { secretKey, signatureHeaders } from './signing.ts'

test("a message passes Svix's verifier with either of two secrets, as it is, and not when it was changed", () => {
  const [next, former] = [7, 8].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`) as [
    string,
    string,
  ]
  const body = '{"id":"évt_1"}'
  const keys = [next, former].map((secret) => secretKey(secret) as Buffer)
  const headers = signatureHeaders(keys, 'evt_1', Date.now(), body)
  for (const secret of [next, former]) {
    const webhook = new Webhook(secret)
    assert.doesNotThrow(() => webhook.verify(body, headers))
    assert.throws(() => webhook.verify(`${body} `, headers))
  }
})
