/** What the tests of several nodes share: one server for a file, nodes and banks that end with their test. */

import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import { readLists } from '../kit/books.ts'
import type { Charge } from '../kit/client.ts'
import { atEnd } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { type ClusterNode, startNodes } from '../kit/nodes.ts'
import { type OwnServer, onDatabase, startPostgres } from '../kit/postgres.ts'
import { startReceiver } from '../kit/receiver.ts'
import { runCli } from '../kit/server.ts'
import { newSecret } from '../kit/simulator.ts'
import { onlyBank } from '../kit/world.ts'

/** A server of our own for the tests of a file. */
export function ownServer(settings: readonly string[] = []): () => OwnServer {
  let server: OwnServer
  before(async () => {
    server = await startPostgres(settings)
  })
  after(() => server.remove())
  return () => server
}

type Env = Readonly<Record<string, string>>

/** Three nodes, each with settings of its own where some are given. */
export async function threeNodes(
  t: TestContext,
  database: string,
  env: Env = {},
  own: readonly Env[] = [{}, {}, {}],
  program?: readonly string[],
): Promise<[ClusterNode, ClusterNode, ClusterNode]> {
  const nodes = await startNodes(
    database,
    own.map((more) => ({ ...env, ...more })),
    program,
  )
  atEnd(t, () => Promise.all(nodes.map((node) => node.kill())))
  return nodes as [ClusterNode, ClusterNode, ClusterNode]
}

export type Webhooks = Awaited<ReturnType<typeof webhooks>>

/** A receiver, the secret that its webhooks are signed with, and the settings that send them there. */
export async function webhooks(t: TestContext) {
  const receiver = await startReceiver()
  atEnd(t, receiver.close)
  const secret = newSecret()
  return { ...receiver, secret, env: { WEBHOOK_TARGET: receiver.url, MINIPAY_WEBHOOK_SECRET: secret } }
}

/** A bank whose leases are so long that nothing of a test happens because one has run out. */
export const patientBank = (t: TestContext) => onlyBank(t, { deadline_ms: 120_000 })

export const chargesOf = async ({ url }: ClusterNode) => (await readLists(url, 'charges')).charges
export const eventsOf = async ({ url }: ClusterNode) => (await readLists(url, 'events')).events

/** Fails unless `minipay verify` finds books that balance, and so many charges where a number is given. */
export async function assertBooks(database: string, charges?: number): Promise<void> {
  const { stdout, stderr } = await runCli(['verify'], { MINIPAY_DATABASE: database })
  assert.match(stdout, new RegExp(`^The books balance: ${charges ?? '\\d+'} charges,`), stderr)
}

/** Repeats a charge's request at one node after another until its answer is final, as a good client does. */
export async function untilCharged(
  nodes: readonly ClusterNode[],
  key: string,
  body: object = {},
): Promise<{ status: number; body: Charge }> {
  const wanted = { amount: 100, currency: 'usd', customer: 'cus_1', ...body }
  for (let turn = 0; ; turn++) {
    const { url } = nodes[turn % nodes.length] as ClusterNode
    const headers = { 'idempotency-key': key }
    const answer = await call<Charge>(url, 'POST', '/api/v1/charges', wanted, headers)
    if (answer.status === 200 || answer.status === 201) return answer
    assert.ok([202, 409, 503].includes(answer.status), JSON.stringify(answer.body))
    if (answer.status !== 202) assert.ok(answer.headers.has('retry-after'), JSON.stringify(answer.body))
  }
}

/** The database's time in ms since 1970. */
export async function databaseTime(database: string): Promise<number> {
  const { rows } = await onDatabase(database, (client) =>
    client.query('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now'),
  )
  return Number(rows[0].now)
}
