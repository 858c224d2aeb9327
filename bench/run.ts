/** Runs the benchmark: `npm run bench`, with `--help` for its flags. See README.md beside this file. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Options, Part, Row } from './bench.ts'
import { processCharges, providerCharges } from './charges.ts'
import { cluster } from './cluster.ts'
import { comparison } from './compare.ts'
import { dashboard } from './dashboard.ts'
import { endpointClaims } from './endpoint-claims.ts'
import { endpoints } from './endpoints.ts'
import { hanging, unknownAttempts } from './faulty.ts'
import { grown } from './grown.ts'
import { history } from './history.ts'
import { hostile } from './hostile.ts'
import { chains, keys } from './keys.ts'
import { latency } from './latency.ts'
import { describeMachine, inMemory } from './machine.ts'
import { mixed } from './mixed.ts'
import { startLoad } from './processes.ts'
import { reads } from './reads.ts'
import { start } from './start.ts'
import { markdown } from './table.ts'
import { liveWebhooks, waitingDeliveries } from './webhooks.ts'

/** Those with the aims come first. */
const PARTS: readonly Part[] = [
  providerCharges,
  latency,
  processCharges,
  grown,
  start,
  keys,
  chains,
  liveWebhooks,
  mixed,
  waitingDeliveries,
  unknownAttempts,
  reads,
  dashboard,
  endpoints,
  endpointClaims,
  hanging,
  hostile,
  cluster,
  history,
  comparison,
]

const ROUNDS = 3
const SECONDS = 3
const CONNECTIONS = [64, 256]

const USAGE = `node bench/run.ts
  --rounds <n>            rounds that each median is of (${ROUNDS})
  --seconds <s>           measured seconds of each cell (${SECONDS}, or the part's own)
  --only <text,text>      only the parts whose name holds one of these: ${PARTS.flatMap((part) => part.names).join(', ')}
  --compare <commit>      only charges of this checkout and of that commit, in turn
  --connections <n,n>     of the charge rows (${CONNECTIONS})
  --node-flags <flags>    for MiniPay's Node, such as --cpu-prof
  --save                  writes the table of a run with --only to results/ too`

function options(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: String(ROUNDS) },
      seconds: { type: 'string' },
      only: { type: 'string' },
      compare: { type: 'string', default: '' },
      connections: { type: 'string', default: CONNECTIONS.join() },
      'node-flags': { type: 'string', default: '' },
      save: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    process.exit()
  }
  return {
    rounds: positive('--rounds', values.rounds),
    seconds: values.seconds === undefined ? undefined : positive('--seconds', values.seconds),
    only: values.only ?? '',
    compare: values.compare,
    connections: values.connections.split(',').map((text) => positive('--connections', text)),
    nodeFlags: values['node-flags'].split(' ').filter(Boolean),
    save: values.save,
  }
}

function positive(flag: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${flag} must be a positive number, not "${text}"`)
  return value
}

/** A folder for the databases, on a disk: in memory a sync would cost nothing. */
function diskFolder(): string {
  const parent = [tmpdir(), process.cwd()].find((folder) => !inMemory(folder))
  if (parent === undefined)
    throw new Error('Run it from a folder on a disk: the temporary folder is in memory.')
  const folder = mkdtempSync(join(parent, 'minipay-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes a run's results; the file's name contains the name of a partial run. */
function save(part: string, table: string, json: unknown): void {
  const folder = fileURLToPath(new URL('./results/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  const day = new Date().toISOString().slice(0, 10)
  const name = join(folder, [day, ...(part ? [part.replace(/\W+/g, '-')] : [])].join('-'))
  writeFileSync(`${name}.md`, table)
  writeFileSync(`${name}.json`, `${JSON.stringify(json, null, 2)}\n`)
  console.error(`written: ${name}.md and .json`)
}

async function main(): Promise<void> {
  const chosen = options()
  const started = performance.now()
  const folder = diskFolder()
  const load = startLoad()
  try {
    const machine = describeMachine(folder)
    const rows: Row[] = []
    for (const part of chosen.compare === '' ? PARTS.filter((one) => one !== comparison) : [comparison]) {
      const wanted = part.names.filter((name) => chosen.only.split(',').some((text) => name.includes(text)))
      if (wanted.length === 0 || (part.onlyWhenNamed && chosen.only === '' && chosen.compare === '')) continue
      const seconds = chosen.seconds ?? part.seconds ?? SECONDS
      console.error(`${Math.round((performance.now() - started) / 1000)} s: ${wanted.join(', ')}`)
      rows.push(...(await part.run({ ...chosen, seconds, folder, load }, wanted)))
    }
    if (rows.length === 0) throw new Error(`No part's name holds "${chosen.only}"; --help lists them.`)
    const table = markdown(machine, chosen, rows, (performance.now() - started) / 1000)
    console.log(table)
    const whole =
      chosen.only === '' && chosen.compare === '' && chosen.connections.length === CONNECTIONS.length
    if (whole || chosen.save) save(chosen.only, table, { machine, options: chosen, rows })
    if (rows.some((row) => row.fault !== undefined)) process.exitCode = 1
  } finally {
    await load.stop()
  }
}

await main()
