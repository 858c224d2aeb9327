/** Replays the logs of a seed, or of several one after another, on both engines. */
import { parseArgs } from 'node:util'
import { replay } from './replay.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    operations: { type: 'string', default: '5000' },
    seeds: { type: 'string', default: '1' },
  },
})
for (let i = 0; i < Number(values.seeds) && !process.exitCode; i++) {
  const { difference, summary } = await replay(Number(values.seed) + i, Number(values.operations))
  for (const line of summary) console.log(line)
  if (difference === undefined) continue
  console.error(difference)
  process.exitCode = 1
}
