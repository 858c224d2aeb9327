/** `npm run storm -- --liar`: a storm of liars, with options of its own. */
import { parseArgs } from 'node:util'
import { ENGINES } from '../../kit/backstage.ts'
import { LARGE, storm } from './storm.ts'

const MOST_SHOWN = 40

export async function runLiars(): Promise<void> {
  const { values } = parseArgs({
    options: {
      liar: { type: 'boolean' },
      seed: { type: 'string' },
      seeds: { type: 'string' },
      stories: { type: 'string' },
      engine: { type: 'string' },
    },
  })
  const first = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
  const size = { ...LARGE, stories: Number(values.stories ?? LARGE.stories) }
  const engine = ENGINES.find((one) => one === (values.engine ?? 'sqlite'))
  if (!engine) throw new Error(`--engine is one of ${ENGINES.join(', ')}`)
  for (let seed = first; seed < first + Number(values.seeds ?? 1); seed++) {
    console.log(`A storm of liars with ${size.stories} stories on ${engine}, seed ${seed}.`)
    const { problems, summary } = await storm(seed, size, engine).catch((error: unknown) => ({
      problems: [`It did not come to its end: ${error}`],
      summary: [],
    }))
    for (const line of summary) console.log(line)
    for (const problem of problems.slice(0, MOST_SHOWN)) console.error(problem)
    if (problems.length > 0) process.exitCode = 1
    console.log(
      problems.length > 0
        ? `${problems.length} kinds of problems with seed ${seed}.`
        : 'All is as it must be.',
    )
  }
}

if (import.meta.main) await runLiars()
