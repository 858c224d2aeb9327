/** The slots of all endpoints together: who gets one that becomes free. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { createOverall, type Overall, type Standing } from './slots.ts'

/** An endpoint that always has more to send; it keeps its slots until `end`. */
function endpoint(overall: Overall, standing: Standing = 'slow', most = 64) {
  const sent: Standing[] = []
  const pump = () => {
    while (sent.length < most && overall.mayBegin(sent.length, standing, pump)) {
      sent.push(standing)
      overall.occupy(standing)
    }
  }
  return {
    pump,
    own: () => sent.length,
    become(next: Standing) {
      standing = next
    },
    /** One of its attempts ended, and it sends the next. */
    end() {
      overall.release(sent.shift() as Standing)
      pump()
    },
  }
}

test('a slot that becomes free goes to an endpoint that has none, in the order in which they came', () => {
  const overall = createOverall(8)
  const first = endpoint(overall, 'slow', 6)
  first.pump()
  assert.equal(first.own(), 4, 'half of the slots')
  const others = Array.from({ length: 6 }, () => endpoint(overall))
  for (const other of others) other.pump()
  const owns = () => others.map((other) => other.own()).join('')
  assert.equal(owns(), '200000', 'six of the eight slots in all')
  first.end()
  assert.equal(owns(), '210000')
  for (let i = 0; i < 3; i++) first.end()
  assert.equal(owns(), '211110')
  assert.equal(first.own(), 0)
  others[0]?.end()
  assert.equal(owns(), '111111')
  others[1]?.end()
  assert.deepEqual([owns(), first.own()], ['101111', 1], 'each gets one in turn')
})

test('an endpoint that has slots gets further ones while none waits that has none', () => {
  const overall = createOverall(16)
  const all = [4, 4, 4, 2].map((most) => endpoint(overall, 'slow', most))
  for (const one of all) one.pump()
  assert.deepEqual(
    all.map((one) => one.own()),
    [4, 4, 4, 0],
  )
  all[0]?.end()
  assert.deepEqual(
    all.map((one) => one.own()),
    [3, 4, 4, 1],
    'the one without a slot came first',
  )
  all[1]?.end()
  all[1]?.end()
  assert.deepEqual(
    all.map((one) => one.own()),
    [4, 2, 4, 2],
    'then the others in turn',
  )
})

test('each standing leaves slots to those before it: quick, slow, new and silent endpoints', () => {
  const overall = createOverall(16)
  const pumped = (standing: Standing, count: number) => {
    const all = Array.from({ length: count }, () => endpoint(overall, standing, 2))
    for (const one of all) one.pump()
    return all.reduce((sum, one) => sum + one.own(), 0)
  }
  assert.equal(pumped('silent', 20), 8)
  assert.equal(pumped('new', 20), 2)
  assert.equal(pumped('slow', 20), 2)
  assert.equal(pumped('quick', 20), 4)
})

test('an endpoint that waited as a silent one, and responded, goes before those that do not', () => {
  const overall = createOverall(4)
  const [holder, silent, better] = [
    endpoint(overall, 'silent', 2),
    endpoint(overall, 'silent'),
    endpoint(overall, 'silent'),
  ]
  for (const one of [holder, silent, better]) one.pump()
  assert.deepEqual([holder.own(), silent.own(), better.own()], [2, 0, 0])
  better.become('quick')
  better.pump()
  assert.deepEqual([better.own(), silent.own()], [1, 0])
})

test('an endpoint that needs no slot any more takes none, and holds up no other', () => {
  const overall = createOverall(1)
  overall.occupy('slow')
  let woken = 0
  assert.equal(
    overall.mayBegin(0, 'slow', () => woken++),
    false,
  )
  const other = endpoint(overall, 'slow')
  other.pump()
  overall.release('slow')
  assert.deepEqual([woken, other.own()], [1, 1])
})
