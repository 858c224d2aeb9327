/**
 * Checks that the files of an open database stay in their place. SQLite itself keeps writing into a file that was
 * removed or replaced, and those commits are lost when the process ends (https://www.sqlite.org/howtocorrupt.html).
 */
import { type BigIntStats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { identityOf } from './mark.ts'
import { WAL_LIMIT } from './open.ts'
import { type OpenFile, openFile } from './open-file.ts'
import { SHARED } from './shared.ts'

/** The interval of the checks, in ms. */
const EVERY_MS = 250

export type Loss = {
  readonly file: string
  /** The end of a sentence that begins with the file. */
  readonly reason: string
  /**
   * The place of the acknowledged data: `here` in the files at the database's place, `behind` in a WAL that only this
   * process has, `moved` in a file with another name, `gone` in a file that has no name any more or was overwritten.
   */
  readonly data: 'here' | 'behind' | 'moved' | 'gone'
}

export type Guard = {
  /** Checks at once; returns the loss, after `onLoss` was called with it. After `stop`, only a loss that it found before. */
  check(): Loss | undefined
  /** The other name that the database's file has now; undefined if it has none, or the system does not report it. */
  nameNow(): string | undefined
  stop(): void
}

type Options = {
  /** As it was given, and without symbolic links. */
  readonly file: string
  readonly place: string
  /** The device and inode of the database that was opened. */
  readonly identity: string
  readonly shared: Int32Array
  /** Called once. */
  readonly onLoss: (loss: Loss) => void
}

/** Starts the checks. One takes some 50 µs. It opens no file, because closing one would drop SQLite's locks. */
export function startGuard(options: Options): Guard {
  const opened = openFile(options.identity)
  const look = looker(options, opened)
  let loss: Loss | undefined
  let stopped = false
  function check(): Loss | undefined {
    if (loss || stopped) return loss
    try {
      loss = look()
    } catch {
      // A folder that is unreadable for a moment gives no information about its files.
    }
    if (loss) {
      clearInterval(timer)
      options.onLoss(loss)
    }
    return loss
  }
  const timer = setInterval(check, EVERY_MS)
  timer.unref()
  function stop(): void {
    // From now on SQLite itself removes files.
    stopped = true
    clearInterval(timer)
  }
  return { check, nameNow: () => opened?.name(), stop }
}

function looker(
  { file, place, identity, shared }: Options,
  opened: OpenFile | undefined,
): () => Loss | undefined {
  const folder = follow(dirname(place))
  const lock = follow(`${place}-lock`)
  const memory = follow(`${place}-shm`)
  const wal = watchWal(`${place}-wal`, shared)
  let size = 0n
  return () => {
    const there = statOf(place)
    const away = folder() ?? absence(there, identity) ?? absence(statOf(file), identity)
    if (away || !there)
      return { file, reason: away ?? 'was removed', data: opened?.hasName() ? 'moved' : 'gone' }
    if (there.size < size) return { file, reason: 'was cut short', data: 'gone' }
    size = there.size
    if (Atomics.load(shared, SHARED.overwritten) === 1)
      return { file, reason: 'was overwritten', data: 'gone' }
    const reason = there.nlink > 1n ? 'was given another name, a hard link' : undefined
    if (reason !== undefined) return { file, reason, data: 'here' }
    const beside = lock()
    if (beside !== undefined) return { file: `${file}-lock`, reason: beside, data: 'here' }
    const index = memory()
    if (index !== undefined) return { file: `${file}-shm`, reason: index, data: 'here' }
    const log = wal()
    return log && { file: `${file}-wal`, ...log }
  }
}

/** Undefined if it does not exist. Throws if the system cannot report it. */
function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true })
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE'].includes(code)) return undefined
    throw error
  }
}

function absence(now: BigIntStats | undefined, identity: string): string | undefined {
  if (!now) return 'was removed or moved'
  return `${now.dev}:${now.ino}` === identity ? undefined : 'was replaced'
}

/** Reports whether a file is another one than at first; for a file that appears later, since then. */
function follow(path: string): () => string | undefined {
  let first = identityOf(path)
  return () => {
    const now = statOf(path)
    if (first === undefined) first = now && `${now.dev}:${now.ino}`
    return first === undefined ? undefined : absence(now, first)
  }
}

/**
 * Only the writer makes the WAL grow, restarts it without shrinking it, and cuts it. It announces every cut but the
 * one to the limit, which comes with a commit. If others cut the WAL, SQLite writes on behind the cut, which leaves a
 * hole.
 */
function watchWal(path: string, shared: Int32Array): () => Pick<Loss, 'reason' | 'data'> | undefined {
  const same = follow(path)
  const hole = watchHole(path)
  let size = 0
  let cuts = 0
  return () => {
    const before = Atomics.load(shared, SHARED.cuts)
    const reason = same()
    if (reason !== undefined) return { reason, data: 'behind' }
    const now = Number(statOf(path)?.size ?? 0n)
    const isHollow = hole(now)
    const after = Atomics.load(shared, SHARED.cuts)
    const announced = before !== cuts || after !== before || before % 2 === 1
    cuts = after
    if (!announced && ((now < size && now < WAL_LIMIT) || isHollow))
      return { reason: 'was cut short', data: 'gone' }
    size = after % 2 === 1 ? 0 : now
    return undefined
  }
}

const WAL_HEADER = 32
const FRAME_HEADER = 24

/** The frames of the WAL that a check reads. */
const SAMPLES = 16

/** True if the WAL's header or one of its frames is missing: each begins with a number that is not 0. */
function watchHole(path: string): (size: number) => boolean {
  const header = Buffer.alloc(12)
  const frame = Buffer.alloc(4)
  let opened: OpenFile | undefined
  return (size) => {
    const identity = identityOf(path)
    if (size < WAL_HEADER || identity === undefined) return false
    opened ??= openFile(identity)
    if (!opened?.read(header)) return false
    if (header.readUInt32BE(0) === 0) return true
    const step = header.readUInt32BE(8) + FRAME_HEADER
    const frames = Math.floor((size - WAL_HEADER) / step)
    for (let i = 1; i <= Math.min(SAMPLES, frames); i++) {
      const at = WAL_HEADER + (Math.floor((frames * i) / SAMPLES) - 1) * step
      if (at >= WAL_HEADER && opened.read(frame, at) && frame.readUInt32BE(0) === 0) return true
    }
    return false
  }
}
