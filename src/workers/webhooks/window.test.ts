import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createWindow, type Place } from './window.ts'

const eventOf = (sequence: number) => ({ sequence, createdAt: 1_000 + sequence })

test('the position is before the first event that is not settled, and after all that were passed', () => {
  const window = createWindow(10)
  assert.equal(window.position(), 10)
  const [first, second] = [window.add(eventOf(12)), window.add(eventOf(15))]
  window.passTo(20)
  assert.deepEqual([window.position(), window.readTo()], [11, 20])
  window.settle(second)
  assert.equal(window.position(), 11)
  window.settle(first)
  assert.equal(window.position(), 20)
  assert.equal(window.first(), undefined)
})

test('events that were sent after the position are counted until all before them are settled', () => {
  const window = createWindow(0)
  const places = [1, 2, 3].map((sequence) => window.add(eventOf(sequence)))
  for (const place of places) window.send(place)
  window.settle(places[2]!)
  assert.equal(window.sentAhead(), 3)
  window.settle(places[0]!)
  assert.equal(window.sentAhead(), 2)
  window.settle(places[1]!)
  assert.equal(window.sentAhead(), 0)
})

test('in every order of settling, the position never passes an unsettled event, nor moves back', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 400 }), (draws) => {
      const window = createWindow(0)
      const open: Place[] = []
      let sequence = 0
      let before = 0
      for (const draw of draws) {
        if (draw % 3 === 0) {
          sequence += 1 + (draw % 4)
          const place = window.add(eventOf(sequence))
          if (draw % 2 === 0) window.send(place)
          open.push(place)
        } else if (open.length > 0) window.settle(open.splice(draw % open.length, 1)[0]!)
        const least = Math.min(...open.map((place) => place.sequence))
        assert.equal(window.position(), open.length === 0 ? sequence : least - 1)
        assert.ok(window.position() >= before)
        before = window.position()
      }
    }),
  )
})
