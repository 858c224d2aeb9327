import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latencies, normalQuantiles } from './log-normal.ts'

const REALISTIC = { p50: 120, p99: 380 }
const cycle = (count = 500) => {
  const next = latencies(REALISTIC)
  return Array.from({ length: count }, next)
}

test('the quantiles of the normal distribution are those of its tables', () => {
  const quantiles = normalQuantiles(1_000)
  // The quantiles 0.0005, 0.0255, 0.5005, 0.9745 and 0.9895.
  const known: Record<number, number> = { 0: -3.2905, 25: -1.9517, 500: 0.0013, 974: 1.9517, 989: 2.308 }
  for (const [i, z] of Object.entries(known))
    assert.ok(Math.abs((quantiles[Number(i)] as number) - z) < 0.003, `${i}: ${quantiles[Number(i)]}`)
})

test('any 500 latencies in a row have the quantiles that were asked for', () => {
  const all = cycle(1_700)
  for (const first of [0, 1, 333, 1_200]) {
    const sorted = all.slice(first, first + 500).sort((a, b) => a - b)
    const at = (share: number) => ((sorted[share * 500 - 1] as number) + (sorted[share * 500] as number)) / 2
    assert.ok(Math.abs(at(0.5) - 120) < 0.5, `p50 ${at(0.5)}`)
    assert.ok(Math.abs(at(0.99) - 380) < 5, `p99 ${at(0.99)}`)
  }
})

test('two processes make the same latencies in the same order, and not by their length', () => {
  assert.deepEqual(cycle(), cycle())
  const first = cycle().slice(0, 100)
  assert.ok(first.some((ms) => ms > 250) && first.some((ms) => ms < 60))
  // Falling and rising steps take turns about evenly.
  const rising = cycle().filter((ms, i, all) => i > 0 && ms > (all[i - 1] as number)).length
  assert.ok(rising > 200 && rising < 300, String(rising))
})
