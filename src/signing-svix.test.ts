import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secretKey, signatureHeaders } from './signing.ts'

/** Its verifier has the types of the library for Standard Webhooks, which it wraps. */
const PACKAGE: string = 'svix'
const svix = await import(PACKAGE).then(
  (loaded) => loaded as Pick<typeof import('standardwebhooks'), 'Webhook'>,
  () => undefined,
)
const skip = svix ? false : 'svix is not installed: run npm ci'

test("a message passes Svix's verifier with either of two secrets, as it is, and not when it was changed", {
  skip,
}, () => {
  const [next, former] = [7, 8].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`) as [
    string,
    string,
  ]
  const body = '{"id":"évt_1"}'
  const keys = [next, former].map((secret) => secretKey(secret) as Buffer)
  const headers = signatureHeaders(keys, 'evt_1', Date.now(), body)
  for (const secret of [next, former]) {
    const webhook = new (svix ?? assert.fail()).Webhook(secret)
    assert.doesNotThrow(() => webhook.verify(body, headers))
    assert.throws(() => webhook.verify(`${body} `, headers))
  }
})
