/**
 * Whether the database accepts commits. A heartbeat does not show it: on a full disk it fits into its existing page.
 */
import { StoreUnavailable } from '../../ports/store.ts'
import { isCommitted } from './commit-guards.ts'
import { type Committer, rollingBack } from './committer.ts'
import { meaningOf, storeError } from './errors.ts'
import type { Pool } from './pool.ts'

/** Writes a megabyte of new pages, more than one request's commit needs, on the disk of the database's own tables. */
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
  /**
   * After a commit failed because of the database: rejects with `StoreUnavailable` until the database has room for one.
   */
  watching(committer: Committer): Committer
  /**
   * Rejects with `StoreUnavailable` from the first commit that fails because of the database until it accepts commits
   * again.
   */
  assertCommits(): Promise<void>
}

export function createRoom(pool: Pool): Room {
  let failing: StoreUnavailable | undefined

  /** Conflicts with others, and refusals by this process, do not show that the database is unavailable. */
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
      // A commit may have failed in the meantime.
      if (failing === failed) failing = undefined
    },
  }
}

/** Rejects if there is no room. Assumes room if the server does not allow the test, or has no temporary tables. */
async function hasRoom(pool: Pool): Promise<void> {
  try {
    await pool.use((connection) => rollingBack(connection, () => connection.run(ROOM)))
  } catch (error) {
    if (error instanceof StoreUnavailable || meaningOf(error) !== 'fault') throw storeError(error)
  }
}
