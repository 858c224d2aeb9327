/** MiniPay with remote providers: starts their processes, and writes the file that names them. */
import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench, withDatabase, withServer } from './bench.ts'
import { type Server, startBank, startMiniPay } from './processes.ts'

/** The secret of every processor of the benchmark. */
export const SECRET = `whsec_${randomBytes(32).toString('base64')}`

/** A provider of the kind `http`; its other fields are those of docs/provider-protocol.md. */
export type Remote = {
  readonly url: string
  readonly deadline_ms?: number
  readonly concurrency?: number
}

/** Calls `use` with a bank on a new database, and stops it afterwards. */
export function withBank<T>(bench: Bench, use: (bank: Server) => Promise<T>): Promise<T> {
  return withDatabase(bench, (file) => withServer(startBank(file, SECRET), use))
}

let files = 0

/** Calls `use` with MiniPay (of `checkout`) on that database and these providers, in this order, and stops it afterwards. */
export async function withProviders<T>(
  bench: Bench,
  database: string,
  remotes: Readonly<Record<string, Remote>>,
  use: (server: Server) => Promise<T>,
  settings: Readonly<Record<string, string>> = {},
  checkout?: string,
): Promise<T> {
  const file = join(bench.folder, `providers-${++files}.json`)
  const entries = Object.entries(remotes).map(([name, remote]) => [
    name,
    { kind: 'http', ...modeOf(checkout), secret: SECRET, lookup: 'final', ...remote },
  ])
  writeFileSync(file, JSON.stringify(Object.fromEntries(entries)))
  try {
    const variables = { MINIPAY_PROVIDERS: file, ...settings }
    return await withServer(startMiniPay(database, '', bench.nodeFlags, variables, checkout), use)
  } finally {
    rmSync(file)
  }
}

/** Requests without a key are in test mode. A compared commit may be older than modes: then it refuses the field. */
function modeOf(checkout: string | undefined): { readonly mode?: 'test' } {
  const code = checkout && readFileSync(join(checkout, 'src/providers/http.ts'), 'utf8')
  return code?.includes(`'mode'`) === false ? {} : { mode: 'test' }
}

/** A request that must get a 2xx; resolves with the JSON of the response. */
export async function ask<T>(server: Server, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(server.url + path, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}
