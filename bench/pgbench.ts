/** PostgreSQL's own benchmark, `pgbench`, with a charge as one transaction (pgbench.sql). */
import { accessSync, constants, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { migratePostgres } from '../src/storage/postgres/migrate.ts'
import { sealRows } from '../src/storage/postgres/seal.ts'
import { onDatabase } from '../test/kit/postgres.ts'
import { runProgram, runVerify } from './processes.ts'

export const CLIENTS = [1, 2, 4, 8, 16, 32, 64]

export type PgbenchRun = {
  readonly clients: number
  readonly perSecond: number
  /** The mean, in ms. */
  readonly latency: number
}

/** The program, in the PATH or in Debian's place; the packaged binaries lack it. */
export function findPgbench(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...globSync('/usr/lib/postgresql/*/bin')]
  return folders.map((folder) => join(folder, 'pgbench')).find(isProgram)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The rows that MiniPay makes with the first charge of a scope and a currency. */
const FIRST_ROWS = `
  INSERT INTO sequences (account_id, live, event, transfer, audit, counted) VALUES (1, 1, 0, 0, 0, 1);
  INSERT INTO ledger_accounts (id, account_id, live, code, currency, balance)
  VALUES (1, 1, 1, 'provider:sandbox', 'usd', 0), (2, 1, 1, 'merchant', 'usd', 0);
  INSERT INTO counters (account_id, live, name, currency, part, value)
  VALUES (1, 1, 'charges_succeeded', 'usd', 0, 0);`

/** One round in an empty database: every number of clients, after a warm-up run. The books must balance. */
export async function pgbenchRound(program: string, url: string, seconds: number): Promise<PgbenchRun[]> {
  await migratePostgres(url)
  await onDatabase(url, (client) => client.query(FIRST_ROWS))
  const runs: PgbenchRun[] = []
  for (const [i, clients] of [1, ...CLIENTS].entries()) {
    const run = await runPgbench(program, url, clients, seconds, i * 1_000_000_000)
    if (i === 0) continue
    const { perSecond, latency } = run
    console.error(`  pgbench: ${clients} clients: ${Math.round(perSecond)}/s, mean ${latency.toFixed(2)} ms`)
    runs.push(run)
  }
  await onDatabase(url, sealRows)
  await runVerify(url)
  return runs
}

async function runPgbench(
  program: string,
  url: string,
  clients: number,
  seconds: number,
  first: number,
): Promise<PgbenchRun> {
  const script = fileURLToPath(new URL('./pgbench.sql', import.meta.url))
  const output = await runProgram(program, [
    ...['--no-vacuum', '--protocol=prepared', `--file=${script}`, `--client=${clients}`],
    ...[`--time=${Math.max(1, Math.round(seconds))}`, `--define=n=${first}`, url],
  ])
  const found = (pattern: RegExp) => {
    const value = Number(pattern.exec(output)?.[1])
    if (!(value >= 0)) throw new Error(`pgbench said neither rate nor latency:\n${output}`)
    return value
  }
  return { clients, perSecond: found(/^tps = ([\d.]+)/m), latency: found(/^latency average = ([\d.]+) ms/m) }
}
