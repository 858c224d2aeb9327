/** Shows other processes that a copy is running, even while its own connection is busy with one long statement. */
import type { Client, ClientConfig } from 'pg'
import { NOW } from '../postgres/clock.ts'
import { openWritable } from '../postgres/connection.ts'

const BEAT_MS = 500
const BEAT = `UPDATE copies SET seen_at = ${NOW} WHERE token = $1`

export type Beat = {
  /** Closes its connection. */
  stop(): Promise<void>
}

/**
 * Sends heartbeats on its own connection, and on a new one if that breaks. It reports no failures: if heartbeats fail,
 * the copy loses its lease, and its next write of rows reports that.
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
      // Also ends a heartbeat that waits for its response.
      await end()
      await beating
      await end()
    },
  }
}
