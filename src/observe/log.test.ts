import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog } from './log.ts'

function logged(fields: object): Record<string, unknown> {
  const lines: string[] = []
  createLog('info', { write: (line) => void lines.push(line) }).info(fields, 'Said.')
  return JSON.parse(lines.join(''))
}

test('secrets are cut from what is logged, and from what is in it', () => {
  const { level, time, msg, ...fields } = logged({
    secret: 'whsec_a',
    authorization: 'Bearer b',
    endpoint: { secret: 'whsec_c', authorization: { bearer: 'd' }, url: 'https://shop.example' },
    name: 'kept',
  })
  assert.deepEqual(fields, {
    secret: '[cut]',
    authorization: '[cut]',
    endpoint: { secret: '[cut]', authorization: '[cut]', url: 'https://shop.example' },
    name: 'kept',
  })
  assert.equal(level, 'info')
  assert.equal(msg, 'Said.')
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test('an error is logged with its message and where it was thrown, without its secrets', () => {
  const failure = Object.assign(new Error('refused'), { secret: 'whsec_a', request: { secret: 'whsec_b' } })
  const err = logged({ err: failure })['err'] as Record<string, unknown>
  assert.equal(err['message'], 'refused')
  assert.match(String(err['stack']), /log\.test\.ts/)
  assert.equal(JSON.stringify(err).includes('whsec'), false)
})

test('what was logged is left as it was', () => {
  const fields = { secret: 'a', inner: { secret: 'b' } }
  logged(fields)
  assert.deepEqual(fields, { secret: 'a', inner: { secret: 'b' } })
})
