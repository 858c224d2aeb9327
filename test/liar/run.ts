/** `npm run storm -- --liar`: a storm of liars, with options of its own. */
import { parseArgs } from 'node:util'
import { LARGE, storm } from './storm.ts'
import type { Engine } from './world.ts'

const ENGINES: readonly Engine[] = ['sqlite', 'postgres']

export async function runLiars(): Promise<void> {
  const { values } = parseArgs({
    options: {
      liar: { type: 'boolean' },
      seed: { type: 'string' },
      stories: { type: 'string' },
      engine: { type: 'string' },
    },
  })
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000))
  const size = { ...LARGE, stories: Number(values.stories ?? LARGE.stories) }
  const engine = ENGINES.find((one) => one === (values.engine ?? 'sqlite'))
  if (!engine) throw new Error(`--engine is one of ${ENGINES.join(', ')}`)
  console.log(`A storm of liars with ${size.stories} stories on ${engine}, seed ${seed}.`)
  const { problems, summary } = await storm(seed, size, engine)
  for (const line of summary) console.log(line)
  for (const problem of problems.slice(0, 40)) console.error(problem)
  console.log(
    problems.length === 0
      ? 'All is as it must be.'
      : `${problems.length} kinds of problems with seed ${seed}.`,
  )
  process.exitCode = problems.length === 0 ? 0 : 1
}

if (import.meta.main) await runLiars()
