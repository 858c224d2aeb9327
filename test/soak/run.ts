/** `npm run soak`: a long soak, its table and its verdict; status 1 when something grew or is wrong. */
import { ENGINES } from '../kit/backstage.ts'
import { flagsOf, seedFlag } from '../kit/flags.ts'
import { largeOf, MINUTES } from './plan.ts'
import { tableOf } from './report.ts'
import { SABOTAGES } from './sabotage.ts'
import { soak } from './soak.ts'

const MOST_SHOWN = 30

const { minutes, engine, seed, sabotage } = flagsOf('npm run soak --', {
  seed: seedFlag(),
  minutes: { sets: 'how long clients work', is: MINUTES },
  engine: { sets: 'the engine', is: 'sqlite', among: ENGINES },
  sabotage: { sets: 'what leaks on purpose', is: undefined, among: Object.keys(SABOTAGES) },
})

console.log(
  `A soak of ${minutes} minutes on ${engine}, seed ${seed}${sabotage ? `, with ${sabotage} leaking` : ''}.`,
)
const began = performance.now()
const say = (line: string) =>
  console.log(`${String(Math.round((performance.now() - began) / 1_000)).padStart(5)} s  ${line}`)
const { wrong, rows, summary, peakRssMiB } = await soak(seed, largeOf(minutes), engine, say, sabotage)
for (const line of [...tableOf(rows), ...summary, `The most memory: ${Math.round(peakRssMiB)} MiB.`])
  console.log(line)
if (!rows.some(({ judged }) => judged))
  console.log('No life was long enough to judge what grows: take 12 minutes at least.')
for (const sentence of wrong.slice(0, MOST_SHOWN)) console.error(sentence)
console.log(
  wrong.length === 0
    ? 'Nothing grew, and the books agree.'
    : `${wrong.length} things are wrong with seed ${seed}.`,
)
process.exitCode = wrong.length === 0 ? 0 : 1
