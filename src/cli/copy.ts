/** `minipay copy`: an embedded database into PostgreSQL. */

import { publicName } from '../database-name.ts'
import { type Copied, copyDatabase, type Progress } from '../storage/copy/copy.ts'

const BAR_CELLS = 24
/** The interval of the progress bar, and of the progress lines without a terminal. */
const BAR_MS = 100
const LINE_MS = 5_000

const STEPS: Readonly<Record<string, string>> = {
  reading: 'Checking the books of the source',
  checking: 'Checking the books of the copy',
}

/** Copies, shows the progress on standard error, and prints the next step. Returns the exit status. */
export async function copy(from: string, to: string): Promise<number> {
  const display = progressOn(process.stderr)
  try {
    const copied = await copyDatabase(from, to, display.show)
    display.end()
    console.log(farewell(from, publicName(to), copied))
    return 0
  } catch (error) {
    display.end()
    throw error
  }
}

function farewell(
  from: string,
  to: string,
  { charges, refunds, entries, rows, seconds, doneAt }: Copied,
): string {
  if (doneAt !== undefined)
    return `${from} was already copied into ${to} at ${new Date(doneAt).toISOString()}. Nothing to do.`
  return `${from} is in ${to}: ${grouped(rows)} rows in ${Math.round(seconds)} s.
The books balance at both ends, and agree: ${charges} charges, ${refunds} refunds, ${entries} entries.

Now start the nodes, each with MINIPAY_DATABASE set to that database.
Keep ${from} as a backup, and never serve it again: it does not learn what the nodes do.`
}

/** A progress bar on a terminal; otherwise a line from time to time. */
function progressOn(stream: NodeJS.WriteStream): { show(progress: Progress): void; end(): void } {
  let began: { at: number; done: number } | undefined
  let shown: { at: number; step: string } | undefined
  let drawn = false
  return {
    show(progress) {
      const now = performance.now()
      const words = STEPS[progress.step]
      if (!words) began ??= { at: now, done: progress.done }
      // Announces a long step without progress when it begins.
      const due = now - (shown?.at ?? Number.NEGATIVE_INFINITY) >= (stream.isTTY ? BAR_MS : LINE_MS)
      if (!due && !(words && shown?.step !== progress.step)) return
      shown = { at: now, step: progress.step }
      const seconds = began ? (now - began.at) / 1000 : 0
      const rate = seconds > 0 && began ? (progress.done - began.done) / seconds : 0
      const text = words ? `${words} …` : sofar(progress, rate, stream.isTTY)
      stream.write(stream.isTTY ? `\r\x1b[K${text}` : `${text}\n`)
      drawn = stream.isTTY
    },
    end() {
      if (drawn) stream.write('\r\x1b[K')
    },
  }
}

function sofar({ step, done, total }: Progress, rate: number, bar: boolean): string {
  const part = total === 0 ? 1 : done / total
  const cells = Math.round(part * BAR_CELLS)
  const picture = bar ? `[${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}] ` : ''
  const speed = rate > 0 ? `, ${grouped(Math.round(rate))} a second` : ''
  return `${picture}${Math.floor(part * 100)}%  ${grouped(done)} of ${grouped(total)} rows${speed}  ${step.replace('_', ' ')}`
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
