/** `npm run soak`: a long soak, its table and its verdict; status 1 when something grew or is wrong. */
import { parseArgs } from 'node:util'
import { ENGINES } from '../kit/backstage.ts'
import { largeOf, MINUTES } from './plan.ts'
import { tableOf } from './report.ts'
import { SABOTAGES } from './sabotage.ts'
import { soak } from './soak.ts'

const MOST_SHOWN = 30

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: String(MINUTES) },
    engine: { type: 'string', default: 'sqlite' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    sabotage: { type: 'string' },
  },
})
const { sabotage } = values
const engine = ENGINES.find((one) => one === values.engine)
const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
if (!engine) throw new Error('--engine is sqlite or postgres.')
if (!(minutes > 0) || !Number.isSafeInteger(seed)) throw new Error('--minutes and --seed are numbers.')
if (sabotage !== undefined && !Object.hasOwn(SABOTAGES, sabotage))
  throw new Error(`--sabotage is one of ${Object.keys(SABOTAGES).join(', ')}.`)

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
