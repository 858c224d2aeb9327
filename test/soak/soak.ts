/**
 * A soak: healthy, slow, greedy, vanishing and hostile clients for a long time, a bank and a receiver that are unwell,
 * kills and stops under load, and a read that holds the log. All of it is bounded, so nothing may grow. Then all is calm:
 * everything drains, what was opened is closed, and the books hold what was acknowledged. The same seed plans the same
 * soak; how the processes interleave is the machine's.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Customers, customersOf } from '../cluster/clients.ts'
import type { Engine } from '../kit/backstage.ts'
import { type Draw, drawsFrom } from '../kit/draws.ts'
import { untilReady } from '../kit/nodes.ts'
import { type Reader, readEvents } from '../kit/reader.ts'
import { auditCalm, comeToRest } from './calm.ts'
import { fill, type Lookers, type Notes, newNotes, startLookers } from './healthy.ts'
import { BANK_MOODS, type BankMood, RECEIVER_MOODS, type ReceiverMood, setBankMood } from './moods.ts'
import { type Deed, type Life, livesOf, type Size, shuffled } from './plan.ts'
import { glance, type Row, rowOf, summaryOf } from './report.ts'
import { descriptorsOf, peakRss, type Sampler, startSampler } from './sampler.ts'
import { type Strangers, type StrangersOptions, startStrangers } from './strangers.ts'
import { grew } from './trends.ts'
import type { VisitName } from './visits.ts'
import { startWorld, type World } from './world.ts'

export type Report = {
  /** What grew, and what is wrong, each as a sentence; empty when all is well. */
  readonly wrong: readonly string[]
  /** A line a life. */
  readonly rows: readonly Row[]
  /** Lines that say what the soak was like. */
  readonly summary: readonly string[]
  /** The most memory that a process of MiniPay had, in MiB. */
  readonly peakRssMiB: number
}

/** Everything that runs in a soak. */
export type Scene = {
  readonly world: World
  readonly size: Size
  readonly notes: Notes
  readonly sampler: Sampler
  readonly customers: Customers
  readonly lookers: Lookers
  readonly strangers: Strangers
  readonly reader: Reader
  /** Ends the bad moods. */
  readonly clear: () => Promise<void>
  readonly say: (line: string) => void
  readonly wrong: string[]
  readonly draw: Draw
  /** What the server has open before the first client comes. */
  readonly idleDescriptors: number
}

const SAMPLE_MS = 2_000
/** How often the soak prints its progress. */
const TELL_MS = 15_000
/** A short soak's measure of time: so many answers to customers. */
const ANSWERS_A_LIFE = 150
const ANSWERS_A_MOOD = 12
/** Rounds of all moods in a long life: each quarter has two, and so much of each. */
const ROUNDS = 8
/** The log after a long read, under load: SQLite cuts it to its limit when it begins anew. */
const WAL_AFTER_READ_MIB = 64
const WAL_SHRINKS_MS = 120_000
/** How long strangers stay who do little, in ms: the server hangs up on most of them after 30 s. */
const STAY_MS = { short: 1_500, long: 45_000 }
/** A stop waits for slow clients and receivers: in a short soak not for long. */
const SETTINGS = { short: { MINIPAY_SHUTDOWN_TIMEOUT_MS: '4000' }, long: {} }
/** A provider whose trial calls fail is left alone for a minute, and may fail the next one too. */
const PATIENCE_MS = 400_000
const THINK_MS = { short: 100, long: 900 }

/** Of each kind so many at once in a short and in a long soak, and how long they stay away in between, in ms at most. */
const CROWD: Readonly<
  Record<VisitName, { readonly short: number; readonly long: number; readonly restMs: number }>
> = {
  'slow heads': { short: 2, long: 6, restMs: 1_000 },
  'slow bodies': { short: 2, long: 6, restMs: 1_000 },
  'one-byte chunks': { short: 1, long: 1, restMs: 3_000 },
  'never reads': { short: 6, long: 20, restMs: 3_000 },
  'long pages': { short: 1, long: 2, restMs: 500 },
  'leaves in a request': { short: 1, long: 2, restMs: 500 },
  'leaves before its answer': { short: 1, long: 2, restMs: 500 },
  'leaves in an answer': { short: 1, long: 2, restMs: 1_000 },
  'half-closes': { short: 1, long: 1, restMs: 1_000 },
  'is idle': { short: 4, long: 12, restMs: 2_000 },
  'is hostile': { short: 1, long: 2, restMs: 1_000 },
}

/** Runs a soak to its end. Rejects when a process did not start. `sabotage` names what the server is to do wrong. */
export async function soak(
  seed: number,
  size: Size,
  engine: Engine,
  say: (line: string) => void = () => {},
  sabotage?: string,
): Promise<Report> {
  const world = await startWorld(engine, SETTINGS[paceOf(size)], sabotage)
  const snapshot = oneSnapshot(world)
  const sampler = startSampler({ ...world, held: snapshot.isHeld }, SAMPLE_MS)
  let telling: NodeJS.Timeout | undefined
  try {
    const scene = await begin(world, sampler, seed, size, say)
    telling = setInterval(() => say(glance(scene)), TELL_MS)
    const rows: Row[] = []
    let peakRssMiB = 0
    for (const [i, life] of livesOf(seed, size).entries()) {
      const name = `life ${i + 1}`
      say(
        `${name}, ${life.lastsMs === null ? 'a short one' : `${(life.lastsMs / 60_000).toFixed(1)} minutes`}`,
      )
      await live(scene, life, snapshot)
      await sampler.sample()
      scene.wrong.push(...grew(sampler.samples, name))
      rows.push(rowOf(name, life.end, sampler.samples))
      peakRssMiB = Math.max(peakRssMiB, peakRss(world.node.pid()))
      if (life.end !== 'calm') await fell(scene, life.end)
    }
    const books = await comeToRest(scene)
    await auditCalm(scene, books)
    return { wrong: scene.wrong, rows, summary: summaryOf(scene, books), peakRssMiB }
  } finally {
    clearInterval(telling)
    await snapshot.release()
    await sampler.stop()
    await world.end()
  }
}

/** The long read: there is one at a time. */
type Snapshot = { hold(): Promise<void>; release(): Promise<void>; isHeld(): boolean }

function oneSnapshot(world: World): Snapshot {
  let held: Awaited<ReturnType<World['holdSnapshot']>> | undefined
  return {
    async hold() {
      held = await world.holdSnapshot()
    },
    async release() {
      await held?.release()
      held = undefined
    },
    isHeld: () => held !== undefined,
  }
}

async function begin(
  world: World,
  sampler: Sampler,
  seed: number,
  size: Size,
  say: Scene['say'],
): Promise<Scene> {
  const { node, nodes } = world
  const pace = paceOf(size)
  const notes = newNotes()
  const idleDescriptors = await warmUp(world, notes)
  const customers = customersOf(nodes, seed, size.customers, {
    thinksMs: THINK_MS[pace],
    patienceMs: PATIENCE_MS,
    onAnswer(asked, ms) {
      if (asked.body['currency'] === 'jpy') sampler.took(ms)
    },
  })
  return {
    ...{ world, size, notes, sampler, customers, say, idleDescriptors },
    lookers: startLookers(node, seed, 2, THINK_MS[pace], sampler.took),
    strangers: startStrangers({
      ...{ node, seed, crowd: crowdOf(pace), stayMs: STAY_MS[pace] },
      note: (wanted) => notes.note(wanted).key,
      scrape: sampler.scrape,
    }),
    reader: readEvents(nodes),
    clear: startMoods(world, size, customers, seed),
    wrong: [],
    draw: drawsFrom(seed),
  }
}

function paceOf({ minutes }: Size): 'short' | 'long' {
  return minutes === null ? 'short' : 'long'
}

function crowdOf(pace: 'short' | 'long'): StrangersOptions['crowd'] {
  const crowd = Object.entries(CROWD).map(([name, kind]) => [name, [kind[pace], kind.restMs]])
  return Object.fromEntries(crowd) as StrangersOptions['crowd']
}

/** A few charges with their webhooks; answers what the server has open then. */
async function warmUp({ node, told }: World, notes: Notes): Promise<number> {
  await fill(node, notes, 8)
  while (told.size < notes.orders.length) await delay(10)
  return [...descriptorsOf(node.pid()).values()].reduce((sum, one) => sum + one, 0)
}

/**
 * The bank is unwell in one way after the other, and well in between; then the receiver is unwell. Answers what ends that.
 */
function startMoods(
  world: World,
  { minutes }: Size,
  { answers }: Customers,
  seed: number,
): () => Promise<void> {
  const draw = drawsFrom(seed + 1)
  const names = Object.keys(BANK_MOODS) as (keyof typeof BANK_MOODS)[]
  const over = new AbortController()
  const moodMs = minutes === null ? null : (minutes * 60_000) / 3 / ROUNDS / names.length / 2
  const aWhile = () =>
    moodMs === null
      ? Promise.race([answers.reached(answers.value + ANSWERS_A_MOOD), aborted(over.signal)])
      : delay(moodMs, undefined, { signal: over.signal }).catch(() => {})

  async function be(bank: BankMood, receiver: ReceiverMood): Promise<void> {
    if (over.signal.aborted) return
    world.receive(receiver)
    await setBankMood(world.bank, bank, draw)
    await aWhile()
  }

  async function change(): Promise<void> {
    while (!over.signal.aborted) {
      const receiver = shuffled(draw, RECEIVER_MOODS)
      for (const [i, mood] of shuffled(draw, names).entries()) {
        await be(mood, 'well')
        await be('well', receiver[i] ?? 'well')
      }
    }
    world.receive('well')
    await setBankMood(world.bank, 'well', draw)
    await world.bank.control('POST', '/finish')
  }
  const changing = change()
  // The end of the soak reports a bank that is gone.
  changing.catch(() => {})
  return () => {
    over.abort()
    return changing
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** One life of the server, up to its end. */
async function live(scene: Scene, life: Life, { hold, release }: Snapshot): Promise<void> {
  const { world, size, notes, customers, wrong } = scene
  let done = 0
  const until = async (share: number) => {
    const left = share - done
    done = share
    if (left <= 0) return
    if (life.lastsMs !== null) await delay(life.lastsMs * left)
    else await customers.answers.reached(customers.answers.value + Math.ceil(ANSWERS_A_LIFE * left))
  }
  const deeds: Readonly<Record<Deed, () => Promise<unknown>>> = {
    fill: () => fill(world.node, notes, size.fill),
    hold,
    async release() {
      await release()
      // PostgreSQL's log is the server's own affair.
      if (life.lastsMs !== null && world.engine === 'sqlite') wrong.push(...(await logShrinks(scene)))
    },
  }
  for (const [share, deed] of life.deeds) {
    await until(share)
    await deeds[deed]()
  }
  await until(1)
}

/** While clients charge, the log is cut to its limit soon after the read has ended. */
async function logShrinks({ world, say }: Scene): Promise<string[]> {
  const inMiB = async () => Math.round((await world.sizes()).walBytes / 1024 / 1024)
  const before = await inMiB()
  for (const until = performance.now() + WAL_SHRINKS_MS; performance.now() < until; await delay(100)) {
    const now = await inMiB()
    if (now > WAL_AFTER_READ_MIB) continue
    say(`the write-ahead log went from ${before} to ${now} MiB after the read`)
    return []
  }
  return [`the write-ahead log has ${await inMiB()} MiB ${WAL_SHRINKS_MS / 1_000} s after a long read`]
}

/** The process ends under load at a signal, and comes back. */
async function fell({ world, sampler, wrong, draw, say }: Scene, end: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const { node, nodes } = world
  say(`${end}, with ${sampler.samples.at(-1)?.descriptors} descriptors open`)
  if (end === 'SIGKILL') await node.kill()
  else {
    const code = await node.stop()
    if (code !== 0) wrong.push(`SIGTERM under load ended with ${code}`)
  }
  await delay(draw.between(0, 500))
  await node.start()
  sampler.nextLife()
  await untilReady(nodes, 200)
}
