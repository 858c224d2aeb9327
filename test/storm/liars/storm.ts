/**
 * A storm of liars: merchants charge, capture, cancel and refund through four providers that say anything, and an
 * honest bank; MiniPay is killed, and a person resolves what is open. Then the liars turn honest and tell everything
 * again. Whatever was said, the books must be in order, and what is not booked must have an alarm.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { faultsOf } from '../../kit/audit.ts'
import type { Engine } from '../../kit/backstage.ts'
import type { Attempt } from '../../kit/client.ts'
import { drawsFrom } from '../../kit/draws.ts'
import { tempDir } from '../../kit/folders.ts'
import { call } from '../../kit/http.ts'
import { type Progress, progress } from '../../kit/progress.ts'
import type { Problem } from '../audit.ts'
import { auditBooks, OPEN_ATTEMPT } from './audit-books.ts'
import { auditEvents, auditGauge, auditLog, auditReplays } from './audit-told.ts'
import { auditTruth } from './audit-truth.ts'
import { type Books, readBooks } from './books.ts'
import { type Customers, customers } from './customers.ts'
import { type Person, person } from './person.ts'
import { type Plan, planOf, type Size } from './plan.ts'
import { startWorld, type World } from './world.ts'

export const SMALL: Size = { stories: 150, falls: { minipay: 2, liar: 1 } }
export const LARGE: Size = { stories: 2_000, falls: { minipay: 5, liar: 2 } }
const CONNECTIONS = 256

export type Report = {
  /** One of each kind, with what is known of its charge; empty when all is as it must be. */
  readonly problems: readonly string[]
  /** Lines that say what the storm was like. */
  readonly summary: readonly string[]
}

/** Runs a storm to its end. Rejects when a process did not start. */
export async function storm(seed: number, size: Size, engine: Engine): Promise<Report> {
  const plan = planOf(seed, size)
  const tempers = new Map(plan.stories.map(({ key, temper }) => [key, temper]))
  const folder = tempDir()
  const world = await startWorld(engine, folder.path, seed, (story) => tempers.get(story) ?? 'faulty')
  try {
    return await weather(world, plan)
  } finally {
    await world.end()
    folder.remove()
  }
}

async function weather(world: World, plan: Plan): Promise<Report> {
  const watch = stopwatch()
  const answers = progress()
  const ended = progress()
  const atOnce = plan.customers
  const crowd = customers({ url: world.node.url, connections: CONNECTIONS, atOnce, answers, ended })
  const someone = person(world.node.url, world.liars)
  const told = crowd.tell(plan.stories)
  const visits = plan.visits.map(async (at) => {
    await ended.reached(at)
    await someone.visit(drawsFrom(plan.seed + at), 0.3)
  })
  await Promise.all([told, havoc(world, plan, answers, ended, told), ...visits])
  watch.lap('stories')
  const rounds = await calm(world)
  watch.lap(`calm in ${rounds} rounds`)
  await someone.visit(drawsFrom(plan.seed), 0.5)
  await again(world, true)
  await delivered(world)
  watch.lap('person')
  const books = await readBooks(world.node.url)
  const problems = await audit(world, books, crowd, someone)
  watch.lap('audit')
  return {
    problems: await Promise.all(
      [...Map.groupBy(problems, shapeOf).values()].map(([first, ...more]) =>
        inFull(first as Problem, more.length, books, world),
      ),
    ),
    summary: [...summary(books, someone, crowd, world.node.log()), watch.laps()],
  }
}

/** One after the other goes down as planned, and comes back. */
async function havoc(
  world: World,
  { falls }: Plan,
  answers: Progress,
  ended: Progress,
  told: Promise<void>,
): Promise<void> {
  for (const { at, victim, downFor } of falls) {
    await ended.reached(at)
    await world.fell(victim)
    await Promise.race([answers.reached(answers.value + downFor), told])
    await world.raise(victim)
  }
}

async function audit(world: World, books: Books, crowd: Customers, { wrong }: Person): Promise<Problem[]> {
  const { liars, webhooks, node } = world
  const { url } = node
  const problems: Problem[] = [...crowd.wrong, ...wrong].map(aboutCharge)
  problems.push(...auditBooks(books, liars), ...auditTruth(books, liars, await world.statement()))
  problems.push(...auditEvents(books, webhooks), ...(await auditReplays(crowd, url, books)))
  problems.push(...(await auditGauge(books, url)))
  const health = await call(url, 'GET', '/health').catch(() => undefined)
  if (health?.status !== 200) problems.push({ what: 'MiniPay is not alive', charge: null })
  const code = await world.node.stop()
  if (code !== 0) problems.push({ what: `MiniPay ended with ${code}`, charge: null })
  const faults = await faultsOf(world.database)
  if (faults !== '') problems.push(aboutCharge(faults))
  return [...problems, ...auditLog(world.node.log())]
}

function aboutCharge(what: string): Problem {
  return { what, charge: /txn_[0-9a-z]{26}/.exec(what)?.[0] ?? null }
}

/** At most so often everything that was put off is made due. */
const MAX_ROUNDS = 8

/** The liars turn honest, and MiniPay looks at everything that is open until nothing more comes of it; after how many rounds. */
async function calm(world: World): Promise<number> {
  await world.calm()
  await Promise.all(world.liars.map((liar) => liar.turnHonest()))
  let before = ''
  await quiet(world)
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const open = (await openAttempts(world.node.url)).map(({ id, status }) => `${id} ${status}`).join()
    const left = `${open}, ${await world.backstage.pendingNotifications()}`
    if (round > 1 && left === before) return round
    before = left
    await again(world, false)
  }
  return MAX_ROUNDS
}

/** Everything that was put off is looked at once more, by a MiniPay that was killed and has come back. */
async function again(world: World, all: boolean): Promise<void> {
  await world.fell('minipay')
  await world.backstage.hurry(all)
  await world.raise('minipay')
  await quiet(world)
}

/** Far longer than all of it takes. */
const QUIET_MS = 300_000
const POLL_MS = 50
/** Looks in a row that find nothing due: between two commits of one step, as a refund for a requested cancel, nothing is. */
const LOOKS = 10

/** Resolves when MiniPay has looked at everything that is due, and waits for no provider. */
async function quiet({ node: { url }, backstage }: World): Promise<void> {
  const deadline = Date.now() + QUIET_MS
  for (let times = 0; times < LOOKS; ) {
    if (Date.now() > deadline) throw new Error('MiniPay does not come to rest')
    const now = new Date().toISOString()
    const open = await openAttempts(url)
    const due = open.some(
      ({ status, next_lookup_at: at }) => status === 'sending' || (at !== null && at <= now),
    )
    const busy = due || (await backstage.dueNotifications()) > 0 || (await callsInFlight(url)) > 0
    times = busy ? 0 : times + 1
    await pause(POLL_MS)
  }
}

async function openAttempts(url: string): Promise<Attempt[]> {
  const open: Attempt[] = []
  for (const status of OPEN_ATTEMPT)
    for (let cursor = ''; ; ) {
      const path = `/api/v1/attempts?limit=100&status=${status}${cursor}`
      const { body } = await call<{ data: Attempt[]; has_more: boolean }>(url, 'GET', path)
      open.push(...body.data)
      if (!body.has_more) break
      cursor = `&starting_after=${body.data.at(-1)?.id}`
    }
  return open
}

async function callsInFlight(url: string): Promise<number> {
  const { body } = await call<string>(url, 'GET', '/metrics', undefined, { accept: 'text/plain' })
  return [...body.matchAll(/^minipay_provider_calls_in_flight\{[^}]*\} (\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )
}

/** Resolves when no webhook is on its way. */
async function delivered({ backstage }: World): Promise<void> {
  const deadline = Date.now() + QUIET_MS
  while ((await backstage.pendingDeliveries()) > 0 && Date.now() < deadline) await pause(POLL_MS)
}

function inWords({ what, charge }: Problem): string {
  return charge === null ? what : `${charge} ${what}`
}

/** What is wrong, without whose it is: problems of one kind have one shape. */
function shapeOf({ what }: Problem): string {
  return what.replace(/\{.*\}|\b\w+_[0-9a-z]{26}\b|s\d+\/\S+|[\d-]+/g, '*')
}

/** A problem with everything that is known of its charge. */
async function inFull(
  problem: Problem,
  more: number,
  books: Books,
  { liars, node, backstage }: World,
): Promise<string> {
  const { charge } = problem
  const words = `${inWords(problem)}${more === 0 ? '' : ` (and ${more} like it)`}`
  if (charge === null) return words
  const of = (list: readonly object[]) =>
    list.filter((one) => JSON.stringify(one).includes(charge)).map((one) => JSON.stringify(one))
  return [
    words,
    ...of(books.charges),
    ...of(books.attempts),
    ...of(books.refunds),
    ...of(books.disputes),
    ...of(books.alarms),
    ...(await backstage.notificationsOf(charge)),
    ...liars.flatMap((liar) => liar.storyOf(charge)),
    ...node
      .log()
      .split('\n')
      .filter((line) => line.includes(charge))
      .slice(-60),
  ].join('\n  ')
}

function summary(books: Books, { done }: Person, { heard }: Customers, log: string): string[] {
  const calls = [...log.matchAll(/"outcome":"(\w+)"/g)].map(([, outcome]) => outcome ?? '')
  return [
    `${books.attempts.length} attempts, ${books.disputes.length} disputes, ${books.events.length} events`,
    `charges: ${counted(books.charges.map(({ status }) => status))}`,
    `refunds: ${counted(books.refunds.map(({ status }) => status))}`,
    `attempts: ${counted(books.attempts.map(({ status }) => status))}`,
    `alarms: ${counted(books.alarms.map(({ kind, status }) => `${kind} (${status})`))}`,
    `calls: ${counted(calls)}`,
    `answers: ${inOrder([...heard])}`,
    `a person resolved ${done.resolved} attempts and closed ${done.closed} alarms, and was refused ${done.refused} times`,
  ]
}

function counted(words: readonly string[]): string {
  return inOrder([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]))
}

function inOrder(counts: readonly (readonly [string, number])[]): string {
  return counts
    .toSorted((a, b) => b[1] - a[1])
    .map(([word, count]) => `${count} ${word}`)
    .join(', ')
}

function stopwatch() {
  let last = performance.now()
  const laps: string[] = []
  return {
    lap(name: string) {
      laps.push(`${name} ${((performance.now() - last) / 1_000).toFixed(1)} s`)
      last = performance.now()
    },
    laps: () => laps.join(', '),
  }
}
