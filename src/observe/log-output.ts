import { fstatSync, writeSync } from 'node:fs'
import type { Writable } from 'node:stream'

/** The most bytes of lines that may wait for the log's reader; further lines are dropped. */
const MAX_WAITING_BYTES = 1024 * 1024
/** Lines are written together up to this size, in characters. */
const MAX_BATCH = 64 * 1024
/** After a write, the next one waits this long for more lines, in ms: a line waits only under load. */
const SPACING_MS = 10

export type LogOutput = {
  /** Takes a line, or drops it; never blocks and never throws. */
  write(line: string): void
  /** Lines that could not be written, since the start. */
  dropped(): number
  /** Writes the lines that wait for more. */
  drain(): void
  /** Resolves when everything is written, or after this many ms. */
  flush(withinMs: number): Promise<void>
}

/**
 * Standard output for a log. If the disk is full, or the reader of a pipe is stalled or gone, lines are lost, but the
 * process continues to make charges and stops in time. Dropped lines are counted, and before the next line that can be
 * written, a line reports their number.
 */
export function standardOutput(): LogOutput {
  const output = isStream(1) ? streamOutput(process.stdout) : fileOutput(1)
  process.on('exit', output.drain)
  return output
}

/** Pipes and sockets, which Node writes in the background, and terminals. */
function isStream(fd: number): boolean {
  if (process.stdout.isTTY) return true
  const stat = fstatSync(fd)
  return stat.isFIFO() || stat.isSocket()
}

/** To a pipe or a socket: Node buffers what its reader has not read. */
export function streamOutput(stream: Writable): LogOutput {
  let broken = false
  stream.on('error', () => {
    broken = true
  })
  const output = batched((text) => {
    if (broken || stream.writableLength >= MAX_WAITING_BYTES) return false
    stream.write(text)
    return true
  })
  return {
    ...output,
    flush(withinMs) {
      output.drain()
      if (broken || stream.writableLength === 0) return Promise.resolve()
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, withinMs)
        stream.write('', () => {
          clearTimeout(timer)
          resolve()
        })
      })
    },
  }
}

/** To a file: a write is done at once, or fails. */
export function fileOutput(fd: number): LogOutput {
  /** A line was written in part: the next one begins on a new line. */
  let torn = false
  const output = batched((text) => {
    const bytes = Buffer.from(torn ? `\n${text}` : text)
    let at = 0
    try {
      while (at < bytes.length) at += writeSync(fd, bytes, at)
      torn = false
      return true
    } catch {
      torn ||= at > 0
      return false
    }
  })
  return {
    ...output,
    async flush() {
      output.drain()
    },
  }
}

/**
 * Writes lines together, those of one turn of the event loop and under load those of some ms: a write for each would cost a
 * charge through a provider a tenth of its time.
 */
function batched(attempt: (text: string) => boolean): Pick<LogOutput, 'write' | 'dropped' | 'drain'> {
  let text = ''
  let lines = 0
  let dropped = 0
  let untold = 0
  let writtenAt = Number.NEGATIVE_INFINITY
  const drain = () => {
    if (lines === 0) return
    writtenAt = performance.now()
    const all = untold > 0 ? `${droppedLine(untold)}${text}` : text
    const count = lines
    text = ''
    lines = 0
    if (attempt(all)) untold = 0
    else {
      dropped += count
      untold += count
    }
  }
  return {
    drain,
    dropped() {
      drain()
      return dropped
    },
    write(line) {
      if (lines === 0) {
        const wait = writtenAt + SPACING_MS - performance.now()
        if (wait > 0) setTimeout(drain, wait)
        else setImmediate(drain)
      }
      text += line
      lines++
      if (text.length >= MAX_BATCH) drain()
    },
  }
}

function droppedLine(lines: number): string {
  const time = new Date().toISOString()
  return `${JSON.stringify({ level: 'warn', time, lines, msg: 'Log lines could not be written and were dropped.' })}\n`
}
