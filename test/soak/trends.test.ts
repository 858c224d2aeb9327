import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawsFrom } from '../kit/draws.ts'
import { grew, type Sample, SHORTEST_MS, slopePerMinute } from './trends.ts'

const MINUTES = 6
const EVERY_MS = 2_000

/** A life as a healthy process has it: a warm-up, a sawtooth of collections, noise, and now and then a peak. */
function life(change: (sample: Sample, minutes: number) => Partial<Sample>, minutes = MINUTES): Sample[] {
  const draw = drawsFrom(7)
  return Array.from({ length: (minutes * 60_000) / EVERY_MS }, (_, i) => {
    const atMs = i * EVERY_MS
    const warm = 1 - Math.exp(-atMs / 20_000)
    const sample: Sample = {
      atMs,
      held: false,
      rssMiB: 90 + 70 * warm + 15 * draw.next(),
      heapMiB: 25 + (i % 7) * 4 + 2 * draw.next(),
      descriptors: 120 + draw.between(0, 30),
      walMiB: 8,
      databaseMiB: 50 + i,
      pauseMs: draw.chance(0.05) ? 90 : 12 + draw.between(0, 20),
      starvedMs: 0,
      p50Ms: draw.chance(0.1) ? null : 2 + draw.next(),
      p99Ms: 20,
      pendingWebhooks: draw.between(0, 100),
      unknownAttempts: 0,
    }
    return { ...sample, ...change(sample, atMs / 60_000) }
  })
}

test('a life of warm-up, sawtooth, noise and peaks is flat', () => {
  assert.deepEqual(
    grew(
      life(() => ({})),
      'life 1',
    ),
    [],
  )
})

const LEAKS: readonly (readonly [RegExp, (sample: Sample, minutes: number) => Partial<Sample>])[] = [
  [/^RSS grew by .* a minute in life 1/, ({ rssMiB }, minutes) => ({ rssMiB: rssMiB + 8 * minutes })],
  [/^the heap grew by .* a minute/, ({ heapMiB }, minutes) => ({ heapMiB: heapMiB + 4 * minutes })],
  [/^descriptors grew/, (sample, minutes) => ({ descriptors: sample.descriptors + 30 * minutes })],
  [/^the longest event-loop delay grew from/, (_sample, minutes) => ({ pauseMs: 30 + 8 * minutes ** 2 })],
  [/^healthy clients' p50 grew from/, (_sample, minutes) => ({ p50Ms: 2 + 10 * minutes ** 2 })],
]
for (const [sentence, leak] of LEAKS)
  test(`what grows is named: ${sentence.source}`, () => {
    assert.match(grew(life(leak), 'life 1')[0] ?? '', sentence)
  })

test('what jumps once in the middle is found by its quarters', () => {
  const jumped = life(({ rssMiB }, minutes) => ({ rssMiB: minutes > 4 ? rssMiB + 80 : rssMiB }))
  assert.match(
    grew(jumped, 'life 2')[0] ?? '',
    /^RSS grew from 16\d to 24\d MiB between .* quarter of life 2$/,
  )
})

test('a slope that comes to little is none', () => {
  const noisy = life((sample, minutes) => ({ descriptors: sample.descriptors + 21 * minutes }), 5)
  assert.deepEqual(grew(noisy, 'life 1'), [])
})

test('a life that is too short says nothing of a trend', () => {
  const short = life(({ rssMiB }, minutes) => ({ rssMiB: rssMiB + 100 * minutes }), SHORTEST_MS / 60_000)
  assert.deepEqual(grew(short, 'life 1'), [])
  assert.deepEqual(grew([], 'life 1'), [])
})

test('single peaks do not move the slope', () => {
  const points = Array.from({ length: 20 }, (_, i) => ({ atMs: i * 60_000, value: i === 18 ? 1_000 : 3 * i }))
  assert.equal(Math.round(slopePerMinute(points)), 3)
})
