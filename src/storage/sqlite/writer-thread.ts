/** The writer thread: all operations that arrived during the sync of the last group form the next group. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { BUILD, TWO_BUILDS } from './build.ts'
import { watchContent } from './content.ts'
import { openWriter } from './open.ts'
import { type Rescue, rescue } from './rescue.ts'
import { hasRoom } from './room.ts'
import { SHARED } from './shared.ts'
import type { Tails } from './tails.ts'
import { cutWal } from './wal.ts'
import { createWriter, type WriteFailure } from './writer.ts'
import type { Write } from './writes.ts'

/**
 * The page cache of the connection, in KiB. Under load it is always full. Beside the 32 MiB of connections that migrate or
 * build an index, the writer takes 2% more CPU time over a million charges, and no more on a small database; with 8 MiB it takes 3.5%.
 */
const PAGE_CACHE_KIB = 16 * 1024
/** The most operations of a group; it bounds how long one transaction keeps its results. */
const MAX_GROUP = 512
const IDLE_MS = 1_000
/** The interval of the check whether others wrote over the database, while there is nothing to write, in ms. */
const LOOK_MS = 250

/** Operations; or, between two groups, another request: to close (null), or to save the data that it can read. */
export type ToWriter = readonly Write[] | Rescue | null

/** `build` is the main thread's. */
export type WriterData = {
  readonly file: string
  readonly shared: Int32Array
  readonly tails: Tails
  readonly build: string
}

const { file, shared, tails, build } = workerData as WriterData
if (build !== BUILD) throw new Error(TWO_BUILDS)
const port = parentPort as MessagePort
Atomics.wait(shared, SHARED.prepared, 0)
const db = openWriter(file)
db.pragma(`cache_size = -${PAGE_CACHE_KIB}`)
const writer = createWriter(db, () => hasRoom(file), tails)
const isOther = watchContent(file, Number(db.pragma('schema_version', { simple: true })))
/** Rows that this connection has changed. */
const changes = db.prepare('SELECT total_changes()').pluck()
let changesBefore: unknown

/** The message that follows says what the guard has found. */
const LOST: WriteFailure = { failed: 'lost', message: 'The database was taken away.' }

const next = () => (receiveMessageOnPort(port) as { message: ToWriter } | undefined)?.message

port.on('message', (first: ToWriter) => {
  let message: ToWriter | undefined = first
  while (message !== undefined) {
    if (message === null) return close()
    message = isGroup(message) ? work(message) : save(message)
  }
})

/** Runs a group with the operations that came after it; returns the next message that is not part of it. */
function work(first: readonly Write[]): ToWriter | undefined {
  let group = first
  let after: ToWriter | undefined
  while (group.length < MAX_GROUP) {
    after = next()
    if (after === undefined || !isGroup(after)) break
    group = group.concat(after)
    after = undefined
  }
  port.postMessage(isLost() ? group.map(() => LOST) : writer.run(group))
  return after === undefined ? next() : after
}

/** Checks before each group: a commit may make a checkpoint, whose pages would hide the writes of others. */
function isLost(): boolean {
  if (Atomics.load(shared, SHARED.lost) === 1 || Atomics.load(shared, SHARED.overwritten) === 1) return true
  const lost = isOther()
  if (lost) Atomics.store(shared, SHARED.overwritten, 1)
  return lost
}

function save(what: Rescue): ToWriter | undefined {
  port.postMessage(rescue(db, what))
  return next()
}

function isGroup(message: ToWriter): message is readonly Write[] {
  return Array.isArray(message)
}

const looking = setInterval(isLost, LOOK_MS).unref()
// After a second without a change there is time to cut a WAL that a long reader left behind. Workers poll for work more
// often, but a claim that finds none changes nothing.
const idling = setInterval(() => {
  const changesNow = changes.get()
  if (changesNow === changesBefore && !isLost()) cutWal(db, file, shared)
  changesBefore = changesNow
}, IDLE_MS).unref()

function close(): void {
  clearInterval(looking)
  clearInterval(idling)
  // The last connection's close runs a checkpoint: a stopped server leaves one file behind.
  db.close()
  port.close()
}

port.postMessage(BUILD)
