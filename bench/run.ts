/** Runs the benchmark: `npm run bench`, with `--help` for its flags. See README.md beside this file. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Options, Part, Row } from './bench.ts'
import { charges } from './charges.ts'
import { cluster } from './cluster.ts'
import { comparison } from './compare.ts'
import { dashboard } from './dashboard.ts'
import { endpointClaims } from './endpoint-claims.ts'
import { endpoints } from './endpoints.ts'
import { hanging, unknownAttempts } from './faulty.ts'
import { history } from './history.ts'
import { hostile } from './hostile.ts'
import { chains, keys } from './keys.ts'
import { describeMachine, inMemory } from './machine.ts'
import { mixed } from './mixed.ts'
import { startLoad } from './processes.ts'
import { reads } from './reads.ts'
import { remote } from './remote.ts'
import { start } from './start.ts'
import { markdown } from './table.ts'
import { liveWebhooks, waitingDeliveries } from './webhooks.ts'

const PARTS: readonly Part[] = [
  charges,
  keys,
  chains,
  liveWebhooks,
  mixed,
  waitingDeliveries,
  endpoints,
  endpointClaims,
  remote,
  hanging,
  unknownAttempts,
  hostile,
  reads,
  dashboard,
  cluster,
  history,
  start,
  comparison,
]

const CONNECTIONS = [1, 64, 256]

const USAGE = `node bench/run.ts
  --rounds <n>            rounds that each median is of (3)
  --seconds <s>           measured seconds of each cell (1)
  --only <text>           only the parts whose name holds this: ${PARTS.flatMap((part) => part.names).join(', ')}
  --compare <commit>      only charges of this checkout and of that commit, in turn
  --connections <n,n>     of the charge rows (${CONNECTIONS})
  --node-flags <flags>    for MiniPay's Node, such as --cpu-prof
  --save                  writes the table of a run with --only to results/ too`

function options(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1' },
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
    seconds: positive('--seconds', values.seconds),
    only: values.only ?? (values.compare === '' ? '' : 'compare:'),
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
    for (const part of PARTS) {
      const wanted = part.names.filter((name) => name.includes(chosen.only))
      if (wanted.length === 0 || (part.onlyWhenNamed && chosen.only === '')) continue
      console.error(`${Math.round((performance.now() - started) / 1000)} s: ${wanted.join(', ')}`)
      rows.push(...(await part.run({ ...chosen, folder, load }, wanted)))
    }
    if (rows.length === 0) throw new Error(`No part's name holds "${chosen.only}"; --help lists them.`)
    const table = markdown(machine, chosen, rows, (performance.now() - started) / 1000)
    console.log(table)
    const whole = chosen.only === '' && chosen.connections.length === CONNECTIONS.length
    if (whole || chosen.save) save(chosen.only, table, { machine, options: chosen, rows })
    if (rows.some((row) => row.fault !== undefined)) process.exitCode = 1
  } finally {
    await load.stop()
  }
}

await main()
