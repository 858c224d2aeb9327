/** `minipay stop`: ends the process that serves an embedded database, as SIGTERM does. */
import { setTimeout as sleep } from 'node:timers/promises'
import { processesWith } from '../storage/sqlite/holders.ts'
import { isLocked } from '../storage/sqlite/lock.ts'
import { readPid } from '../storage/sqlite/pid.ts'
import { placeOf } from '../storage/sqlite/place.ts'

const LOOK_EVERY_MS = 50
/** A server that hangs ends itself after its time-out. */
const BEYOND_TIMEOUT_MS = 3_000

/**
 * Sends SIGTERM to the process that holds the database's lock, and waits until it has ended. Returns the exit status:
 * 0 if it has ended; 1 if there was none, it runs elsewhere, or it has not ended in time.
 */
export async function stop(database: string, timeoutMs: number): Promise<number> {
  const place = placeOf(database)
  if (!isLocked(place)) return say(`No MiniPay server uses ${database}.`)
  const pid = readPid(place)
  if (pid === undefined)
    return say(`${database} is in use, but not by a server: wait until the other command has ended.`)
  // The number of a process in another container or machine may be another process here.
  if (!holdsLock(pid, `${place}-lock`))
    return say(`${database} is served by process ${pid} of another container or user. Stop it there.`)
  try {
    process.kill(pid, 'SIGTERM')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
    return say(`Process ${pid}, which serves ${database}, belongs to another user. Stop it as that user.`)
  }
  const until = performance.now() + timeoutMs + BEYOND_TIMEOUT_MS
  while (isRunning(pid)) {
    if (performance.now() > until)
      return say(
        `Process ${pid}, which serves ${database}, got SIGTERM but did not end within ${Math.round((timeoutMs + BEYOND_TIMEOUT_MS) / 1000)} s.`,
      )
    await sleep(LOOK_EVERY_MS)
  }
  console.log(`MiniPay has stopped: process ${pid} served ${database}.`)
  return 0
}

function say(sentence: string): number {
  console.error(`minipay: ${sentence}`)
  return 1
}

/** Whether this very process has the lock file open; true where the system does not tell. */
function holdsLock(pid: number, lock: string): boolean {
  return processesWith(lock)?.some((holder) => holder.pid === pid) ?? isRunning(pid)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
