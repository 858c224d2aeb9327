/** After a soak: all clients leave, everything drains, and what was opened is closed. Then the audit. */
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici'
import { audit, type Books, readBooks } from '../cluster/audit.ts'
import { backstage } from '../kit/backstage.ts'
import { call } from '../kit/http.ts'
import { descriptorsOf } from './sampler.ts'
import type { Scene } from './soak.ts'

/** More than lookups that were put off, and deliveries that were put back, take. */
const DRAIN_MS = 300_000
/** Connections to clients, to the bank and to the receiver end well within it. */
const CLOSE_MS = 90_000
const POLL_MS = 100
/** What may be open beside what an idle server has: connections of those who still look at it, and the database's pool. */
const IDLE_SLACK = { sqlite: 12, postgres: 42 }
/** An idle server cuts a log that is larger; twice the pages of a checkpoint. */
const WAL_IDLE_MIB = 16

const OPEN = `SELECT count(*) AS n FROM attempts WHERE state IN ('sending', 'pending', 'unknown')`
const UNDELIVERED = (state: string) => `SELECT count(*) AS n FROM webhook_deliveries WHERE state = '${state}'`

/** Has everybody leave, and waits until nothing is under way; answers the books. */
export async function comeToRest(scene: Scene): Promise<Books> {
  const { world, strangers, customers, lookers, clear, wrong, reader, sampler, size, say } = scene
  await clear()
  await Promise.all([strangers.leave(), customers.leave(), lookers.leave()])
  await hangUp()
  say('every client has left')
  wrong.push(...(await descriptorsClose(scene)), ...(await logIsShort(scene)))
  // What was put off for a minute is waited for by those who have the time.
  if (size.minutes === null) await hurry(scene)
  wrong.push(...(await drained(scene)))
  await reader.stop()
  await sampler.sample()
  const books = await readBooks(world.node.url, world)
  for (const until = performance.now() + DRAIN_MS; performance.now() < until; await delay(POLL_MS))
    if (books.events.every(({ id }) => world.told.has(id))) break
  return books
}

/** Everything that must be true of the books, of the answers, and of the end. */
export async function auditCalm(scene: Scene, books: Books): Promise<void> {
  const { world, customers, lookers, strangers, notes, reader, wrong } = scene
  wrong.push(...customers.wrong, ...lookers.wrong, ...strangers.wrong)
  wrong.push(...(await audit(world, books, [...customers.orders, ...notes.orders], reader)))
  const code = await world.node.stop()
  if (code !== 0) wrong.push(`MiniPay ended with ${code}`)
}

/** Closes the connections that healthy clients keep for their next request, as programs do that end. */
async function hangUp(): Promise<void> {
  const kept = getGlobalDispatcher()
  setGlobalDispatcher(new Agent())
  await kept.close()
}

async function count({ world }: Scene, statement: string): Promise<number> {
  const [row] = await world.sql(statement)
  return Number(row?.['n'])
}

/** Resolves when the answer is yes, or the time is over: then with what is the matter. */
async function within(ms: number, ask: () => Promise<string | undefined>): Promise<string[]> {
  for (const until = performance.now() + ms; ; await delay(POLL_MS)) {
    const matter = await ask()
    if (matter === undefined) return []
    if (performance.now() > until) return [matter]
  }
}

async function descriptorsClose({ world, idleDescriptors }: Scene): Promise<string[]> {
  return within(CLOSE_MS, async () => {
    const open = descriptorsOf(world.node.pid())
    const total = open.values().reduce((sum, one) => sum + one, 0)
    if (total <= idleDescriptors + IDLE_SLACK[world.engine]) return undefined
    const kinds = [...open].sort((a, b) => b[1] - a[1]).map(([name, one]) => `${one} ${name}`)
    return `${total} descriptors are open after all clients have left, and ${idleDescriptors} before: ${kinds.join(', ')}`
  })
}

async function logIsShort({ world }: Scene): Promise<string[]> {
  return within(CLOSE_MS, async () => {
    const mib = (await world.sizes()).walBytes / 1024 / 1024
    return mib <= WAL_IDLE_MIB
      ? undefined
      : `the write-ahead log of an idle server has ${Math.round(mib)} MiB`
  })
}

/** Stops, makes due what was put off, and starts again. */
async function hurry({ world, wrong, sampler }: Scene): Promise<void> {
  const code = await world.node.stop()
  if (code !== 0) wrong.push(`SIGTERM ended with ${code}`)
  await backstage(world.database).hurry(true)
  await world.node.start()
  sampler.nextLife()
}

/** Attempts end, and webhooks arrive; those whose receiver was unwell for too long are sent again. */
async function drained(scene: Scene): Promise<string[]> {
  const { world, say } = scene
  const left = async () => {
    const open = await count(scene, OPEN)
    if (open > 0) return `${open} attempts are open at the end`
    const pending = await count(scene, UNDELIVERED('pending'))
    return pending > 0 ? `${pending} webhooks are pending at the end` : undefined
  }
  const first = await within(DRAIN_MS, left)
  const failed = await count(scene, UNDELIVERED('failed'))
  if (first.length > 0 || failed === 0) return first
  say(`${failed} webhooks had failed and are sent again`)
  const { status, body } = await call(world.node.url, 'POST', '/api/v1/webhook_deliveries/retry', {})
  if (status >= 300) return [`webhooks could not be sent again: ${status} ${JSON.stringify(body)}`]
  return within(DRAIN_MS, left)
}
