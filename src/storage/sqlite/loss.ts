/**
 * Handles the loss of the open database's files: stops all writes, saves the acknowledged data, and ends the process.
 */
import { existsSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Log } from '../../ports/log.ts'
import { StoreUnavailable } from '../../ports/store.ts'
import type { Loss } from './guard.ts'
import { type filesAt, identityOf } from './mark.ts'
import { COMPANIONS } from './place.ts'
import { SHARED } from './shared.ts'
import type { WriterThread } from './writer-client.ts'

/** How long MiniPay reports in `/ready` and to clients that it is ending, in ms. */
const NOTICE_MS = 2_000
/** How often and how long it waits for room on a full disk, in ms: unsaved data is lost when the process ends. */
const RETRY_MS = 1_000
const RETRY_FOR_MS = 60_000

export type Saving = {
  readonly place: string
  /** The files that were opened. */
  readonly files: ReturnType<typeof filesAt>
  readonly thread: WriterThread
  readonly shared: Int32Array
  readonly log: Log
  readonly nameNow: () => string | undefined
}

/**
 * Stops the writer and saves the acknowledged data. The connections stay open: closing them would checkpoint into, or
 * remove, the files that replaced ours. Returns the error with which the process should end.
 */
export async function saveData(loss: Loss, saving: Saving): Promise<Error> {
  const { thread, shared, log, place } = saving
  const noticePeriod = new Promise((resolve) => setTimeout(resolve, NOTICE_MS))
  Atomics.store(shared, SHARED.lost, 1)
  const sentence = `${loss.file} ${loss.reason} while MiniPay was serving it`
  thread.refuse(new StoreUnavailable('lost', `${sentence}.`))
  // At once: another process may open the file that is there now, and would apply our WAL to it.
  const movedFiles = moveAside(saving)
  const { found, rescued } = await save(loss, saving)
  const error = new Error(`${sentence}. ${found}`)
  log.error(
    {
      file: loss.file,
      reason: loss.reason,
      ...(rescued !== undefined && { rescued }),
      ...(movedFiles.length > 0 && { moved_aside: movedFiles }),
      database: place,
    },
    'The database was removed or replaced. MiniPay accepts no more writes and exits.',
  )
  await noticePeriod
  return error
}

type Saved = { readonly found: string; readonly rescued?: string }

async function save({ data }: Loss, saving: Saving): Promise<Saved> {
  const { thread, place } = saving
  if (data === 'here') return { found: 'Everything that was acknowledged is in it. Start MiniPay again.' }
  if (data !== 'gone') {
    const { problem } = await thread.rescue({ rescue: 'checkpoint' })
    const name = saving.nameNow() ?? place
    if (problem === undefined) return { found: `${name} has every acknowledged charge.` }
  }
  const rescued = nameFor(place)
  const until = performance.now() + RETRY_FOR_MS
  for (;;) {
    const { problem } = await thread.rescue({ rescue: 'copy', into: rescued })
    if (problem === undefined) return { found: `${rescued} has every acknowledged charge.`, rescued }
    const waits = problem.startsWith('it needs') && performance.now() < until
    if (!waits) return { found: `It could not be saved to ${rescued}: ${problem}.` }
    saving.log.error(
      { rescued, problem },
      'The database was removed or replaced; MiniPay waits for disk space to save it.',
    )
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

/** A new name in the database's folder. If the folder is gone, in its first existing parent. */
function nameFor(place: string): string {
  let folder = dirname(place)
  while (!existsSync(folder)) folder = dirname(folder)
  return join(folder, `${basename(place)}.rescued-${stamp()}.db`)
}

/** Our WAL and its index, if another file is in the database's place: SQLite would use them for that file. */
function moveAside({ place, files }: Saving): string[] {
  if (identityOf(place) === files.database) return []
  return COMPANIONS.flatMap((end) => {
    const from = place + end
    const isOurs = end === '-wal' ? identityOf(from) === files.wal : existsSync(from)
    if (!isOurs || !existsSync(from)) return []
    const to = `${from}.orphaned-${stamp()}`
    try {
      renameSync(from, to)
      return [to]
    } catch {
      return []
    }
  })
}

function stamp(): string {
  return new Date().toISOString().replace(/[-:]|\.\d+/g, '')
}
