/** Replays the logs of a seed, or of several one after another, on both engines. */
import { flagsOf, seedFlag } from '../kit/flags.ts'
import { replay } from './replay.ts'

const { seed, operations, seeds } = flagsOf('npm run replay --', {
  seed: seedFlag(),
  operations: { sets: 'how many requests a log has', is: 5_000 },
  seeds: { sets: 'how many seeds follow one another', is: 1 },
})
for (let i = 0; i < seeds && !process.exitCode; i++) {
  const { difference, summary } = await replay(seed + i, operations)
  for (const line of summary) console.log(line)
  if (difference === undefined) continue
  console.error(difference)
  process.exitCode = 1
}
