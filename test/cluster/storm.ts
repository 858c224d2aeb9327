/**
 * A storm over a cluster: customers charge, capture, cancel and refund through three nodes, while nodes are killed,
 * connections cut, and the database crashes and fails over to its standby. What was acknowledged must be there once.
 * The same seed plans the same customers and faults; how the processes interleave is the machine's.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { drawsFrom } from '../kit/draws.ts'
import { flagsOf, seedFlag } from '../kit/flags.ts'
import { readEvents } from '../kit/reader.ts'
import { audit, type Books, readBooks } from './audit.ts'
import { customersOf, type Order } from './clients.ts'
import { FAULTS, type FaultName, SHORT, strike } from './faults.ts'
import { startWorld, type World } from './world.ts'

export type Size = {
  /** Customers that shop at once. */
  readonly customers: number
  /** How long faults follow one another, in any order; null: those of a short storm, once each. */
  readonly minutes: number | null
}
export const SMALL: Size = { customers: 32, minutes: null }
const LARGE = { customers: 96, minutes: 5 }

const POLL_MS = 100

export type Report = {
  /** What is wrong, each as a sentence; empty when all is well. */
  readonly wrong: readonly string[]
  /** Lines that say what the storm was like. */
  readonly summary: readonly string[]
}

/** Runs a storm to its end. Rejects when a process did not start, or a node did not heal. */
export async function storm(
  seed: number,
  { customers: count, minutes }: Size,
  say: (line: string) => void = () => {},
): Promise<Report> {
  const began = performance.now()
  const seconds = () => Math.round((performance.now() - began) / 1_000)
  const world = await startWorld()
  try {
    const customers = customersOf(world.nodes, seed, count)
    const reader = readEvents(world.nodes)
    const struck: FaultName[] = []
    const draw = drawsFrom(seed)
    for (const name of minutes === null ? SHORT : anyFaults(draw, minutes)) {
      say(`${seconds()} s, ${customers.answers.value} answers: ${name}`)
      await strike(world, name, draw, customers.answers, minutes !== null)
      struck.push(name)
      if (customers.wrong.length > 0) break
    }
    await customers.leave()
    say(`${seconds()} s: the customers have left`)
    await untilSettled(world)
    await reader.stop()
    say(`${seconds()} s: nothing is under way`)
    const books = await readBooks(world.nodes[0]?.url ?? '', world)
    await untilTold(world, books)
    say(`${seconds()} s: every webhook has arrived`)
    const wrong = [...customers.wrong, ...(await audit(world, books, customers.orders, reader))]
    const summary = [
      `${customers.answers.value} answers, ${seconds()} s`,
      ...inWords(books, customers.orders),
    ]
    return { wrong: wrong.length > 0 ? [...wrong, ...logs(world, wrong)] : [], summary }
  } finally {
    await world.end()
  }
}

function* anyFaults(draw: ReturnType<typeof drawsFrom>, minutes: number): Generator<FaultName> {
  const until = performance.now() + minutes * 60_000
  while (performance.now() < until) yield draw.of(Object.keys(FAULTS) as FaultName[])
}

/** A customer who gave up may have left a call to the bank under way: it ends without them. */
async function untilSettled({ sql }: World): Promise<void> {
  const open = `SELECT 1 FROM attempts WHERE state IN ('sending', 'pending', 'unknown') LIMIT 1`
  while ((await sql(open)).length > 0) await pause(POLL_MS)
}

/** A webhook whose claim was cut off, or whose receiver was not well, comes a little later. */
async function untilTold({ told }: World, { events }: Books): Promise<void> {
  while (!events.every(({ id }) => told.has(id))) await pause(POLL_MS)
}

/** What the nodes have logged of the charge that the first sentence speaks of. */
function logs({ nodes }: World, [first]: readonly string[]): string[] {
  const id = /txn_[0-9a-z]{26}/.exec(first ?? '')?.[0]
  if (id === undefined) return []
  return nodes.flatMap((node) =>
    node
      .log()
      .split('\n')
      .filter((line) => line.includes(id)),
  )
}

function inWords({ charges, refunds, events }: Books, orders: readonly Order[]): string[] {
  const unknown = orders.filter(({ charge }) => !charge.final).length
  const atBank = charges.filter(({ provider }) => provider === 'bank').length
  return [
    `${charges.length} charges, ${atBank} of them at the bank, ${refunds.length} refunds, ${events.length} events`,
    `${unknown} customers never learned what became of their charge`,
  ]
}

if (import.meta.main) {
  const { seed, minutes } = flagsOf('npm run storm:cluster --', {
    seed: seedFlag(),
    minutes: { sets: 'how long faults follow one another', is: LARGE.minutes },
  })
  console.log(`A storm over a cluster of ${minutes} minutes, seed ${seed}.`)
  const { wrong, summary } = await storm(seed, { ...LARGE, minutes }, console.log)
  for (const line of summary) console.log(line)
  for (const line of wrong.slice(0, 30)) console.error(line)
  console.log(wrong.length === 0 ? 'All is well.' : `${wrong.length} things are wrong with seed ${seed}.`)
  process.exitCode = wrong.length === 0 ? 0 : 1
}
