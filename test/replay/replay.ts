/** One log replayed on both engines: every answer, ledger entry, event and webhook has to be the same. */
import { join } from 'node:path'
import { tempDir } from '../kit/folders.ts'
import { type PostgresServer, postgresServer } from '../kit/postgres.ts'
import { logOf } from './generate.ts'
import { inWords, type Operation, requestsOf } from './log.ts'
import { Player, type Told } from './player.ts'
import { startWorld, type World } from './world.ts'

export type Report = {
  /** What the first difference is, and how to see it again; undefined without one. */
  readonly difference: string | undefined
  /** Lines that say what was replayed. */
  readonly summary: readonly string[]
}

/** Replays about so many requests of a seed. Rejects when a process did not start, or an operation could not be done. */
export async function replay(seed: number, requests: number): Promise<Report> {
  const folder = tempDir()
  const worlds: World[] = []
  let postgres: PostgresServer | undefined
  try {
    postgres = await postgresServer()
    worlds.push(await startWorld('SQLite', join(folder.path, 'minipay.db'), folder.path))
    worlds.push(await startWorld('PostgreSQL', await postgres.createDatabase(), folder.path))
    return await compare(worlds, seed, requests)
  } finally {
    await Promise.all(worlds.map((world) => world.end()))
    await postgres?.remove()
    folder.remove()
  }
}

async function compare(worlds: readonly World[], seed: number, requests: number): Promise<Report> {
  const began = performance.now()
  const log = logOf(seed, requests)
  const players = worlds.map((world) => new Player(world))
  const statuses = new Map<string, number>()
  const where = (index: number, operation: Operation) =>
    `seed ${seed}, ${requests} requests: operation ${index} of ${log.operations.length}: ${inWords(operation)}`
  let census: Told | undefined
  let answers = 0
  for (const [index, operation] of log.operations.entries()) {
    const told = await together(players, operation, index, where)
    const [one, other] = told as [Told, Told]
    const difference = differenceOf(one, other) ?? faultOf(one)
    if (difference !== undefined)
      return { difference: `${where(index, operation)}\n${difference}\n${logged(worlds)}`, summary: [] }
    answers += one.raw.length
    count(statuses, operation, one)
    if (operation.kind !== 'census') continue
    // The last two are of the same books, before they were closed and after they were opened again.
    const changed =
      index === log.operations.length - 1 && census
        ? differenceOf(lasting(census), lasting(one), SINCE)
        : undefined
    if (changed !== undefined)
      return { difference: `${where(index, operation)}\nafter the restart:\n${changed}`, summary: [] }
    census = one
  }
  const [ones, others] = players.map((player) => asTold(player.webhooks())) as [Told, Told]
  const end = differenceOf(ones, others) ?? (await verified(worlds))
  return {
    difference: end && `seed ${seed}, ${requests} requests: at the end:\n${end}`,
    summary: [
      `seed ${seed}: ${requestsOf(log)} requests in ${log.operations.length} operations, ${answers} answers of each`,
      `${ones.raw.length} webhooks, ${Math.round((performance.now() - began) / 1000)} s`,
      [...statuses]
        .sort()
        .map(([status, n]) => `${status}: ${n}`)
        .join(', '),
    ],
  }
}

async function together(
  players: readonly Player[],
  operation: Operation,
  index: number,
  where: (index: number, operation: Operation) => string,
): Promise<Told[]> {
  try {
    return await Promise.all(players.map((player) => player.play(operation, index)))
  } catch (cause) {
    throw new Error(`${where(index, operation)}: ${(cause as Error).message}`, { cause })
  }
}

const ENGINES = ['SQLite', 'PostgreSQL'] as const
const SINCE = ['before', 'after'] as const

/** Without what a process counts while it runs. */
function lasting({ canonical, raw }: Told): Told {
  return { canonical: canonical.filter((line) => !/^minipay_(provider|errors)_/.test(line)), raw }
}

/** The first line that is not the same, with what was really answered. */
function differenceOf(
  one: Told,
  other: Told,
  names: readonly [string, string] = ENGINES,
): string | undefined {
  const length = Math.max(one.canonical.length, other.canonical.length)
  for (let i = 0; i < length; i++) {
    const [ours, theirs] = [one.canonical[i] ?? 'nothing', other.canonical[i] ?? 'nothing']
    if (ours === theirs) continue
    return [
      `${names[0]}: ${around(ours, theirs)}`,
      `${names[1]}: ${around(theirs, ours)}`,
      `${names[0]} answered ${(one.raw[i] ?? one.raw.join('\n')).slice(0, 3_000)}`,
      `${names[1]} answered ${(other.raw[i] ?? other.raw.join('\n')).slice(0, 3_000)}`,
    ].join('\n')
  }
  return undefined
}

const AROUND = 300

/** A text from a little before it differs. */
function around(text: string, other: string): string {
  let at = 0
  while (at < text.length && text[at] === other[at]) at++
  const from = Math.max(0, at - AROUND)
  return `${from > 0 ? '…' : ''}${text.slice(from, at + AROUND)}`
}

/** Both may be wrong alike: a fault of ours is never right. */
function faultOf({ raw }: Told): string | undefined {
  return raw.find((answer) => /^50[03] /.test(answer))
}

function asTold(lines: readonly string[]): Told {
  return { canonical: lines, raw: lines }
}

async function verified(worlds: readonly World[]): Promise<string | undefined> {
  for (const world of worlds) {
    const code = await world.node.stop()
    if (code !== 0) return `${world.engine} ended with ${code}`
  }
  const [one, other] = await Promise.all(worlds.map((world) => world.verify()))
  return one === other && !one?.startsWith('it ended') ? undefined : `verify: ${one}\nverify: ${other}`
}

/** What the servers themselves think went wrong. */
function logged(worlds: readonly World[]): string {
  const lines = worlds.flatMap((world) =>
    world.node
      .log()
      .split('\n')
      .filter((line) => line.includes('"level":"error"'))
      .map((line) => `${world.engine} logged ${line.slice(0, 1_000)}`),
  )
  return lines.slice(-4).join('\n')
}

function count(statuses: Map<string, number>, { kind }: Operation, { raw }: Told): void {
  if (kind !== 'send' && kind !== 'race') return
  for (const answer of raw) {
    const status = answer.slice(0, 3)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
}
