/**
 * A fault storm: clients charge, capture, cancel and refund through two banks that fail more often than not, while
 * MiniPay and the banks are killed again and again. At the end all books must agree to the last minor unit. The same
 * seed plans the same storm; the timing of the processes is not part of it.
 */
import { backstage } from '../kit/backstage.ts'
import { flagsOf, seedFlag } from '../kit/flags.ts'
import { tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { limiter, type Progress, progress } from '../kit/progress.ts'
import { runCli } from '../kit/server.ts'
import { audit, type Problem } from './audit.ts'
import { type Books, readBooks } from './books.ts'
import { type Clients, clients, idOf } from './clients.ts'
import { type Plan, planOf, type Size } from './plan.ts'
import { startWorld, type World } from './world.ts'

export const SMALL: Size = { stories: 120, kills: { minipay: 3, bank: 2 } }
export const LARGE: Size = { stories: 10_000, kills: { minipay: 15, bank: 8 } }
const CONNECTIONS = 64

export type Report = {
  readonly seed: number
  /** The first with what is known of its charge; empty when all agree. */
  readonly problems: readonly string[]
  /** Lines that say what the storm was like. */
  readonly summary: readonly string[]
}

/** Runs a storm to its end. Rejects when a client got an answer that must not be, or a process did not start. */
export async function storm(seed: number, size: Size): Promise<Report> {
  const plan = planOf(seed, size)
  const folder = tempDir()
  const world = await startWorld(folder.path, seed)
  try {
    return await weather(world, plan, seed)
  } catch (cause) {
    throw new Error(`the storm with seed ${seed} did not come to its end: ${await storyOf(world, cause)}`, {
      cause,
    })
  } finally {
    await world.end()
    folder.remove()
  }
}

/** What is known of the charge that an error speaks of. */
async function storyOf(world: World, error: unknown): Promise<string> {
  const id = /txn_[0-9a-z]{26}/.exec(String(error))?.[0]
  if (id === undefined) return 'it speaks of no charge'
  const attempts = await call(world.node.url, 'GET', `/api/v1/charges/${id}/attempts`).catch(String)
  const lines = world.node.log().split('\n')
  return [JSON.stringify(attempts), ...lines.filter((line) => line.includes(id)).slice(-20)].join('\n')
}

async function weather(world: World, plan: Plan, seed: number): Promise<Report> {
  const began = performance.now()
  const answers = progress()
  const ended = progress()
  const { customers } = plan
  const crowd = clients({ url: world.node.url, connections: CONNECTIONS, customers, answers, ended })
  await Promise.all([crowd.tell(plan.stories), havoc(world, plan, answers, ended)])
  await settled(world.node.url)
  const stormMs = performance.now() - began

  const books = await readBooks(world.node.url, await world.statements())
  const problems = audit(books, chargeKeys(crowd))
  problems.push(...(await repeated(crowd, world, books)))
  const alarms = world.node
    .log()
    .split('\n')
    .filter((line) => line.includes('"level":"error"'))
  problems.push(...alarms.map((line) => ({ what: `MiniPay logged an error: ${line}`, charge: null })))
  const code = await world.node.stop()
  if (code !== 0) problems.push({ what: `MiniPay ended with ${code}`, charge: null })
  const verified = await runCli(['verify'], { MINIPAY_DATABASE: world.database })
  if (verified.code !== 0) problems.push({ what: `minipay verify: ${verified.stderr}`, charge: null })
  return {
    seed,
    problems: problems.map((problem, i) => (i === 0 ? told(problem, books) : inWords(problem))),
    summary: [
      ...summary(plan, books, answers.value, world.node.log()),
      `${Math.round(stormMs / 1_000)} s, ${verified.stdout.trim()}`,
    ],
  }
}

/** Kills and revives as planned; then the faults end, and MiniPay is killed a last time with all that is open. */
async function havoc(world: World, plan: Plan, answers: Progress, ended: Progress): Promise<void> {
  for (const { at, victims, downFor } of plan.kills) {
    await ended.reached(at)
    await world.kill(victims)
    await answers.reached(answers.value + downFor)
    await world.revive()
  }
  await ended.reached(plan.calmAt)
  await world.calm()
  await world.kill(['minipay'])
  await backstage(world.database).hurry(false)
  await world.revive()
}

const SETTLE_MS = 90_000

/** Resolves when no attempt is open: what no client waits for any more ends by itself. */
async function settled(url: string): Promise<void> {
  const deadline = Date.now() + SETTLE_MS
  for (const status of ['sending', 'unknown', 'pending'])
    while (await anyAttempt(url, status)) {
      if (Date.now() > deadline) return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
}

async function anyAttempt(url: string, status: string): Promise<boolean> {
  const response = await fetch(`${url}/api/v1/attempts?limit=1&status=${status}`)
  return ((await response.json()) as { data: unknown[] }).data.length > 0
}

/** Every request again, with its key: each is told what it was told before, and nothing moves. */
async function repeated({ told: answered, send }: Clients, world: World, before: Books): Promise<Problem[]> {
  const problems: Problem[] = []
  const inTurn = limiter(CONNECTIONS)
  const again = async (key: string) => {
    const note = answered.get(key)
    if (!note?.stored) return
    const answer = await send(note.request)
    const { request_id: _now, ...now } = { request_id: '', ...answer?.body }
    const { request_id: _then, ...then } = { request_id: '', ...note.final.body }
    if (JSON.stringify(now) !== JSON.stringify(then))
      problems.push({
        what: `${key} was answered ${JSON.stringify(then)}, and now ${JSON.stringify(now)}`,
        charge: idOf(note.final),
      })
  }
  await Promise.all([...answered.keys()].map((key) => inTurn(() => again(key))))
  const after = await readBooks(world.node.url, await world.statements())
  const changed = changedPart(before, after)
  if (changed !== null)
    problems.push({ what: `requests that were repeated changed the books: ${changed}`, charge: null })
  return problems
}

/** The keys under which something was charged, or was to be. */
function chargeKeys({ told: answered }: Clients): string[] {
  return [...answered].filter(([, { request }]) => request.path === '/api/v1/charges').map(([key]) => key)
}

function inWords({ what, charge }: Problem): string {
  return charge === null ? what : `${charge} ${what}`
}

/** A problem with everything that is known of its charge. */
function told(problem: Problem, books: Books): string {
  const { charge } = problem
  if (charge === null) return inWords(problem)
  const of = (list: readonly object[], field: string) =>
    list.filter((one) => (one as Readonly<Record<string, unknown>>)[field] === charge)
  const known = [
    ...of(books.charges, 'id'),
    ...of(books.attempts, 'transaction_id'),
    ...of(books.refunds, 'id'),
    ...of(books.payments, 'transaction_id'),
  ]
  return [inWords(problem), ...known.map((one) => JSON.stringify(one))].join('\n  ')
}

function summary(plan: Plan, { charges, refunds, attempts }: Books, answers: number, log: string): string[] {
  const killed = plan.kills.flatMap(({ victims }) => victims)
  const calls = [...log.matchAll(/"outcome":"(\w+)"(?:,"(?:reason|decline_code)":"([^"]{1,60}))?/g)]
  return [
    `${answers} answers, ${attempts.length} attempts`,
    `charges: ${counted(charges.map(({ status }) => status))}`,
    `refunds: ${counted(refunds.map(({ status }) => status))}`,
    `kills: ${counted([...killed, 'minipay'])}`,
    `calls: ${counted(calls.map(([, outcome, why]) => (why ? `${outcome} (${why})` : `${outcome}`)))}`,
  ]
}

function counted(words: readonly string[]): string {
  const counts = [...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length] as const)
  return counts
    .sort((a, b) => b[1] - a[1])
    .map(([word, count]) => `${count} ${word}`)
    .join(', ')
}

if (import.meta.main && process.argv.includes('--liar')) await (await import('./liars/run.ts')).runLiars()
else if (import.meta.main) {
  const { seed, stories } = flagsOf('npm run storm --', {
    seed: seedFlag(),
    stories: { sets: 'how many charges', is: LARGE.stories },
  })
  const size = { ...LARGE, stories }
  console.log(`A storm of ${size.stories} charges, seed ${seed}.`)
  const { problems, summary: lines } = await storm(seed, size)
  for (const line of lines) console.log(line)
  for (const problem of problems.slice(0, 20)) console.error(problem)
  console.log(problems.length === 0 ? 'All books agree.' : `${problems.length} problems with seed ${seed}.`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

/** The first difference between two readings of the books, in words; null when there is none. */
function changedPart(before: Books, after: Books): string | null {
  for (const part of Object.keys(before) as (keyof Books)[]) {
    const [then, now] = [before[part], after[part]].map((one) => (Array.isArray(one) ? one : [one]))
    const at = then?.findIndex((one, i) => JSON.stringify(one) !== JSON.stringify(now?.[i])) ?? -1
    if (at >= 0) return `${part}: ${JSON.stringify(then?.[at])} became ${JSON.stringify(now?.[at])}`
    if (now?.length !== then?.length) return `${part}: there are ${now?.length}, and were ${then?.length}`
  }
  return null
}
