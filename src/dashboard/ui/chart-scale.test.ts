import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CHART_HEIGHT, roundTop, scaleOf } from './chart-scale.ts'

test('the top of a chart is a round number with a whole half', () => {
  assert.deepEqual([0, 1, 2, 3, 5, 7, 9, 11, 61, 99, 150, 1_001].map(roundTop), [
    ...[2, 2, 2, 4, 6, 8, 10, 20, 80, 100, 200, 2_000],
  ])
  for (let most = 0; most < 5_000; most += 37) {
    const top = roundTop(most)
    assert.ok(top >= most && top % 2 === 0, `${top} for ${most}`)
  }
})

test('bars are stacked from the bottom, one pixel apart, within their steps', () => {
  const { bars, top, yOf, left, right } = scaleOf([[30, 0, 10], [], [0, 0, 1]], 344)
  assert.deepEqual([top, left, right], [40, 44, 344])
  const [first, none, small] = bars
  assert.deepEqual(
    first?.parts.map(({ series, y, height }) => [series, y, height]),
    [
      [0, yOf(30), yOf(0) - yOf(30) - 1],
      [2, yOf(40), yOf(30) - yOf(40) - 1],
    ],
  )
  assert.deepEqual(none?.parts, [])
  assert.ok((small?.parts[0]?.height ?? 0) >= 1)
  assert.ok((small?.x ?? 0) > left && (small?.x ?? 0) + (small?.width ?? 0) < right)
  assert.ok(yOf(0) < CHART_HEIGHT)
})

test('few bars have a label where there is little room, and a chart of nothing is empty', () => {
  const day = Array.from({ length: 24 }, () => [1])
  assert.deepEqual([scaleOf(day, 900).labelEvery, scaleOf(day, 300).labelEvery], [4, 6])
  assert.deepEqual(scaleOf([], 0).bars, [])
})
