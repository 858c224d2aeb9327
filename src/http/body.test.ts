import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { BODY_LIMIT, bodyReader } from './body.ts'
import { Refused } from './errors.ts'

/** A request whose body is sent in these pieces. */
function read(pieces: readonly Buffer[], headers: Record<string, string> = {}): Promise<Buffer> {
  const request = Object.assign(new PassThrough(), { headers, rawTrailers: [] })
  return new Promise((resolve, reject) => {
    bodyReader()(request as unknown as IncomingMessage, (error, bytes) => {
      if (error) reject(error)
      else resolve(bytes as Buffer)
    })
    for (const piece of pieces) request.write(piece)
    request.end()
  })
}

const tooLarge = (error: unknown) => error instanceof Refused && error.refusal.code === 'payload_too_large'

test('a body is the same in one piece, in several, and without its length announced', async () => {
  const body = Buffer.from('{"amount":100}')
  const length = { 'content-length': String(body.length) }
  for (const [pieces, headers] of [
    [[body], length],
    [[body], {}],
    [[body.subarray(0, 5), body.subarray(5)], length],
    [[...body].map((byte) => Buffer.from([byte])), {}],
  ] as const)
    assert.deepEqual(await read(pieces, headers), body)
  assert.equal((await read([])).length, 0)
})

test('more than the limit is refused, whether it is announced or only comes', async () => {
  const most = Buffer.alloc(BODY_LIMIT, 'x')
  assert.equal((await read([most])).length, BODY_LIMIT)
  await assert.rejects(read([most, Buffer.from('x')]), tooLarge)
  await assert.rejects(read([], { 'content-length': String(BODY_LIMIT + 1) }), tooLarge)
})

test('a body ends once, although its stream fails after that', async () => {
  const request = Object.assign(new PassThrough(), { headers: {}, rawTrailers: [] })
  const ends: unknown[] = []
  bodyReader()(request as unknown as IncomingMessage, (error) => ends.push(error))
  for (let i = 0; i < 3; i++) request.write(Buffer.alloc(BODY_LIMIT, 'x'))
  await new Promise((resolve) => request.once('close', resolve).destroy(new Error('gone')))
  assert.equal(ends.length, 1)
})
