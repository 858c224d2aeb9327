import type { Options, Row } from './bench.ts'
import type { Machine } from './machine.ts'

const COLUMNS = ['', 'connections', 'per second', 'p50 ms', 'p99 ms', 'beside', 'aim', 'met']
const ALIGN = ['---', '---:', '---:', '---:', '---:', '---', '---', '---']

/** The whole result as Markdown: the machine in the heading, one table below it. */
export function markdown(
  machine: Machine,
  options: Options,
  rows: readonly Row[],
  tookSeconds: number,
): string {
  const { cpu, cores, memoryGB, system, node, fileSystem, syncMicros } = machine
  const lines = [COLUMNS, ALIGN, ...rows.map(cells)].map((line) => `| ${line.join(' | ')} |`)
  return `### ${cpu}, ${cores} cores, ${memoryGB} GB, ${system}, Node.js ${node}, ${fileSystem}, a disk sync costs ${syncMicros} µs

Medians of ${options.rounds} rounds of ${options.seconds ?? '1 to 3'} s, taken in turn; ${Math.round(tookSeconds)} s in all. The load generator shares the cores. Charges are made without webhooks (\`WEBHOOK_TARGET=''\`) except where said. Every server starts on an empty database except where said.

${lines.join('\n')}
`
}

function cells(row: Row): string[] {
  return [
    row.fault === undefined ? row.what : `${row.what} — FAULT: ${row.fault}`,
    row.connections === undefined ? '' : String(row.connections),
    row.perSecond === undefined ? '' : Math.round(row.perSecond).toLocaleString('en-US'),
    milliseconds(row.p50),
    milliseconds(row.p99),
    row.beside ?? '',
    row.aim ?? '',
    row.met === undefined ? '' : row.met && row.fault === undefined ? 'yes' : 'no',
  ]
}

function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return ''
  return ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : Math.round(ms).toLocaleString('en-US')
}
