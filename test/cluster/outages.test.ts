/** Three real nodes whose database lets them down without falling over: no connections, no writes, no progress. */
import assert from 'node:assert/strict'
import test, { after, before, type TestContext } from 'node:test'
import { Client } from 'pg'
import type { Charge } from '../kit/client.ts'
import { type Answer, call, charge } from '../kit/http.ts'
import { type ClusterNode, startNode, untilReady } from '../kit/nodes.ts'
import { databaseName, type OwnServer, onDatabase, startPostgres, withDatabase } from '../kit/postgres.ts'
import { until } from '../kit/until.ts'
import { assertBooks, chargesOf, eventsOf, untilCharged } from './nodes.ts'

/** Three nodes would take up to 36: they have to live with fewer. */
const CONNECTIONS = 19
/** PostgreSQL keeps these for superusers. */
const RESERVED = 3
let server: OwnServer
/** The same through all of it, as they would be. */
let nodes: [ClusterNode, ClusterNode, ClusterNode]
let name: string
let owner: string

const onServer = (text: string) => onDatabase(server.url, (client) => client.query(text))
/** Of the nodes: each opens those again that it needs. */
const endConnections = () =>
  onServer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${owner}'`)
const assertBalance = () => assertBooks(withDatabase(server.url, name))

/** The nodes' user is no superuser: so it should be, and for those some connections are kept. */
before(async () => {
  server = await startPostgres([`max_connections=${CONNECTIONS}`, 'max_prepared_transactions=1'])
  const url = new URL(await server.createDatabase())
  name = databaseName(url.href)
  owner = `owner_of_${name}`
  await onServer(`CREATE ROLE ${owner} LOGIN`)
  await onServer(`ALTER DATABASE ${name} OWNER TO ${owner}`)
  url.username = owner
  const started: ClusterNode[] = []
  nodes = started as typeof nodes
  // While a node starts it needs more connections than later, and others would keep theirs for ten seconds.
  while (started.length < 3) {
    started.push(await startNode(url.href))
    await endConnections()
  }
})
after(async () => {
  await Promise.all(nodes?.map((node) => node.kill()) ?? [])
  await server.remove()
})

/** A refusal as documented: the client is told that it may come again. */
function assertUnavailable({ status, headers, body }: Answer<unknown>): void {
  assert.equal(status, 503, JSON.stringify(body))
  assert.ok(headers.has('retry-after'), JSON.stringify(body))
}

/** The same from every node: no charge, no reading, not ready. */
async function assertDown(key: string): Promise<void> {
  await untilReady(nodes, 503)
  for (const { url } of nodes) assertUnavailable(await charge(url, key))
}

/** Every node is ready again, and one of the keys that were refused makes its charge. */
async function assertHealed(key: string): Promise<void> {
  await untilReady(nodes, 200)
  assert.equal((await untilCharged(nodes, key)).body.status, 'succeeded')
}

test('nodes that share too few connections wait for them, and are right', async () => {
  const keys = Array.from({ length: 150 }, (_, i) => `few-${i}`)
  const made = await Promise.all(keys.map((key, i) => untilCharged(nodes.slice(i % 3), key)))
  const lists = await Promise.all(nodes.map(chargesOf))
  for (const list of lists)
    assert.deepEqual(list.map(({ id }) => id).sort(), made.map(({ body }) => body.id).sort())
  await assertBalance()
})

test('while other programs use all connections of the server requests get 503, and then the node recovers', async (t) => {
  const first = await untilCharged(nodes, 'first')
  const others: Client[] = []
  t.after(() => Promise.all(others.map((client) => client.end())))
  await onServer(`ALTER ROLE ${owner} CONNECTION LIMIT 0`)
  await endConnections()
  await takeAll(others)
  await others[0]?.query(`ALTER ROLE ${owner} CONNECTION LIMIT -1`)
  await assertDown('refused')
  await Promise.all(others.splice(0).map((client) => client.end()))
  await assertHealed('refused')
  assert.deepEqual((await untilCharged(nodes, 'first')).body, first.body)
  await assertBalance()
})

/** Connects until the server says that there are too many. */
async function takeAll(clients: Client[]): Promise<void> {
  for (;;) {
    const client = new Client({ connectionString: server.url })
    client.on('error', () => {})
    try {
      await client.connect()
    } catch (error) {
      assert.equal((error as { code?: string }).code, '53300')
      return
    }
    clients.push(client)
  }
}

test('a node that lost its connections gets some again from nodes that took all of them, and need fewer', async (t) => {
  const [first, second, lost] = nodes
  const signal = (name: NodeJS.Signals) => process.kill(lost.pid() as number, name)
  signal('SIGSTOP')
  t.after(() => signal('SIGCONT'))
  await endConnections()
  const unlock = await lockCharges()
  const busy: Promise<unknown>[] = []
  try {
    await until('two nodes have all connections', async () => {
      for (const node of [first, second]) {
        busy.push(untilCharged([node], `taken-${busy.length}`))
        busy.push(call(node.url, 'GET', '/api/v1/charges'))
      }
      const { rows } = await onServer(
        `SELECT count(*) AS used FROM pg_stat_activity WHERE usename = '${owner}'`,
      )
      return Number(rows[0].used) === CONNECTIONS - RESERVED
    })
  } finally {
    await unlock()
    await Promise.all(busy)
  }
  signal('SIGCONT')
  await assertHealed('taken-0')
  await assertBalance()
})

/**
 * Keeps every commit and list of charges waiting, each with its connection, until the function returned is called. A prepared
 * transaction has the lock, because a session would take one of the connections that the nodes are to take.
 */
async function lockCharges(): Promise<() => Promise<unknown>> {
  const url = withDatabase(server.url, name)
  await onDatabase(url, (client) =>
    client.query(`BEGIN; LOCK TABLE charges; PREPARE TRANSACTION 'lock_of_charges'`),
  )
  return () => onDatabase(url, (client) => client.query(`ROLLBACK PREPARED 'lock_of_charges'`))
}

test('a primary that is set read only under load refuses, says so to the load balancer, and heals', async (t) => {
  const readOnly = async (value: string) => {
    await onServer(`ALTER SYSTEM SET default_transaction_read_only = ${value}`)
    await onServer('SELECT pg_reload_conf()')
  }
  t.after(() => readOnly('off'))
  const keys = Array.from({ length: 60 }, (_, i) => `loaded-${i}`)
  const buying = keys.map((key) => untilCharged(nodes, key))
  await readOnly('on')
  await assertDown('read-only')
  await readOnly('off')
  await assertHealed('read-only')
  const made = await Promise.all(buying)
  assert.equal(new Set(made.map(({ body }) => body.id)).size, keys.length)
  await assertBalance()
})

test('commits that another transaction delays are waited for and correct; the key answers clients that left', async (t) => {
  const before = await chargesOf(nodes[1])
  const lock = await lockSequences(t)
  const waiting = nodes.flatMap(({ url }, i) => [charge(url, `order-${i}`), charge(url, 'the-same')])
  const leaving = new AbortController()
  const left = fetch(`${nodes[0].url}/api/v1/charges`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'left' },
    body: JSON.stringify({ amount: 100, currency: 'usd', customer: 'cus_1' }),
    signal: leaving.signal,
  })
  await lock.blocks(nodes.length)
  leaving.abort()
  await assert.rejects(left, { name: 'AbortError' })
  // What writes nothing of that, and reading, go on.
  await untilReady(nodes, 200)
  assert.deepEqual(await chargesOf(nodes[1]), before)
  await lock.outlastsATimeout()
  await lock.free()

  const answers: Answer<Charge>[] = await Promise.all(waiting)
  const twins = answers.filter(({ body }) => body.idempotency_key === 'the-same')
  // A request that waited for too long is refused, and its client sends it again.
  for (const { status, headers, body } of answers)
    assert.ok(
      [200, 201].includes(status) || ([409, 503].includes(status) && headers.has('retry-after')),
      JSON.stringify(body),
    )
  await Promise.all(nodes.map((node, i) => untilCharged([node], `order-${i}`)))
  const { body: same } = await untilCharged(nodes, 'the-same')
  for (const { body } of twins) assert.equal(body.id, same.id)
  const { status, body: kept } = await untilCharged([nodes[2]], 'left')
  const events = await eventsOf(nodes[1])
  for (const [i, { sequence }] of events.entries()) assert.equal(sequence, i + 1)
  assert.equal(events.length, before.length + 5)
  assert.equal(events.filter(({ data }) => data.id === kept.id).length, 1)
  t.diagnostic(`the client that went away was answered ${status} afterwards`)
  await assertBalance()
})

/** Holds the row from which every event takes its number, as a slow commit of another node does. */
async function lockSequences(t: TestContext) {
  const holder = new Client({ connectionString: withDatabase(server.url, name) })
  await holder.connect()
  t.after(() => holder.end())
  await holder.query('BEGIN')
  await holder.query('SELECT * FROM sequences FOR UPDATE')
  const since = async (): Promise<string[]> => {
    const { rows } = await onDatabase(server.url, (client) =>
      client.query(
        `SELECT DISTINCT a.xact_start::text AS began FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE NOT l.granted AND a.datname = $1 ORDER BY began`,
        [name],
      ),
    )
    return rows.map(({ began }) => began)
  }
  return {
    /** Resolves when so many transactions wait. */
    blocks: (count: number) =>
      until('the commits wait', async () => {
        const began = await since()
        return began.length >= count
      }),
    /** Resolves when every transaction that waits is a new one: those before have given up and begun again. */
    async outlastsATimeout() {
      const last = (await since()).at(-1) ?? ''
      await until('a lock was not to be had in time', async () => {
        const [first] = await since()
        return first !== undefined && first > last
      })
    },
    free: () => holder.query('ROLLBACK'),
  }
}

test('nodes say that they live while their server does not, refuse, and heal', async () => {
  await server.stop('immediate')
  for (const { url } of nodes) assert.equal((await call(url, 'GET', '/health')).status, 200)
  await assertDown('crashed')
  for (const { url } of nodes) assertUnavailable(await call(url, 'GET', '/api/v1/charges'))
  await server.start()
  await assertHealed('crashed')
  await assertBalance()
})
