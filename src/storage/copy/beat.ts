/** Says that a copy is there, however long its own connection is at work on one statement. */
import type { Client, ClientConfig } from 'pg'
import { NOW } from '../postgres/clock.ts'
import { openWritable } from '../postgres/connection.ts'

const BEAT_MS = 500
const BEAT = `UPDATE copies SET seen_at = ${NOW} WHERE token = $1`

export type Beat = {
  /** Ends its connection. */
  stop(): Promise<void>
}

/**
 * Sends heartbeats on its own connection, and on a new one if that breaks. It reports no failures: a copy whose
 * heartbeats do not arrive loses its lease, and the next write of rows reports that.
 */
export function startBeat(hosts: readonly ClientConfig[], token: string): Beat {
  let client: Client | undefined
  let beating: Promise<void> | undefined

  async function beat(): Promise<void> {
    try {
      client ??= await openWritable(hosts)
      await client.query(BEAT, [token])
    } catch {
      await end()
    }
  }

  async function end(): Promise<void> {
    await client?.end().catch(() => {})
    client = undefined
  }

  const timer = setInterval(() => {
    beating ??= beat().finally(() => {
      beating = undefined
    })
  }, BEAT_MS)
  timer.unref()
  return {
    async stop() {
      clearInterval(timer)
      // Also from under a beat that waits for its answer.
      await end()
      await beating
      await end()
    },
  }
}
