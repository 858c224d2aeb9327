/** `npm run storm -- --liar`: a storm of liars, with options of its own. */
import { ENGINES } from '../../kit/backstage.ts'
import { flagsOf, seedFlag } from '../../kit/flags.ts'
import { LARGE, storm } from './storm.ts'

const MOST_SHOWN = 40

export async function runLiars(): Promise<void> {
  const known = {
    seed: seedFlag(),
    seeds: { sets: 'how many seeds follow one another', is: 1 },
    stories: { sets: 'how many charges with their follow-ups', is: LARGE.stories },
    engine: { sets: 'the engine', is: 'sqlite', among: ENGINES },
  } as const
  const words = process.argv.slice(2).filter((word) => word !== '--liar')
  const flags = flagsOf('npm run storm -- --liar', known, words)
  const { seed: first, engine } = flags
  const size = { ...LARGE, stories: flags.stories }
  for (let seed = first; seed < first + flags.seeds; seed++) {
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
