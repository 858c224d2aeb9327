/** Whether the database takes commits, which a beat of the heart does not show: on a full disk it finds room in its page. */
import { StoreUnavailable } from '../../ports/store.ts'
import { isCommitted } from './commit-guards.ts'
import { type Committer, rollingBack } from './committer.ts'
import { meaningOf, unavailable } from './errors.ts'
import type { Pool } from './pool.ts'

/** A megabyte in new pages, more than a commit of one request needs, where the database's own tables are. */
const ROOM = [
  { text: 'BEGIN' },
  { text: `SET LOCAL temp_tablespaces = ''` },
  {
    text: `CREATE TEMP TABLE minipay_room ON COMMIT DROP AS
      SELECT repeat('x', 1000) AS room FROM generate_series(1, 1024)`,
  },
  { text: 'ROLLBACK' },
]

export type Room = {
  /** The committer, whose failures are remembered until it commits again. */
  watching(committer: Committer): Committer
  /** Rejects with `StoreUnavailable` while commits fail for want of the database, until one would be taken. */
  assertCommits(): Promise<void>
}

export function createRoom(pool: Pool): Room {
  let failing: StoreUnavailable | undefined

  /** What others were in the way of, or what this process refused, says nothing of the database. */
  function remember(error: unknown): void {
    if (error instanceof StoreUnavailable && ['disk', 'connection'].includes(error.reason)) failing = error
  }

  return {
    watching: (committer) => async (commits) => {
      try {
        const ended = await committer(commits)
        for (const each of ended) if (typeof each === 'object' && 'error' in each) remember(each.error)
        if (ended.some(isCommitted)) failing = undefined
        return ended
      } catch (error) {
        remember(error)
        throw error
      }
    },

    async assertCommits() {
      const failed = failing
      if (!failed) return
      await hasRoom(pool)
      // A commit may have failed meanwhile.
      if (failing === failed) failing = undefined
    },
  }
}

/** Rejects when there is no room. A server that does not let us try, or has no temporary tables, is believed. */
async function hasRoom(pool: Pool): Promise<void> {
  try {
    await pool.use((connection) => rollingBack(connection, () => connection.run(ROOM)))
  } catch (error) {
    if (error instanceof StoreUnavailable || meaningOf(error) !== 'fault') throw unavailable(error)
  }
}
