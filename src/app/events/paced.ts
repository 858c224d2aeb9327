/**
 * Follows the newest events of a scope at a pace: for those who look at them. What comes faster is skipped. All who follow
 * the same events at the same pace share each read, and a commit costs them nothing.
 */
import { type Batch, type ChannelTools, type Followed, PacedChannel } from './paced-channel.ts'

export type { Batch, Followed } from './paced-channel.ts'

export type PacedEvents = {
  /**
   * Yields the events after a sequence, and nothing at least once a second while there are none. Ends when `signal` is aborted. Rejects with
   * `StoreUnavailable`.
   */
  follow(followed: Followed, after: number, signal: AbortSignal): AsyncGenerator<Batch | undefined, void>
}

export function createPacedEvents(tools: ChannelTools): PacedEvents {
  const channels = new Map<string, PacedChannel>()

  function join(followed: Followed): PacedChannel {
    const name = nameOf(followed)
    const known = channels.get(name)
    if (known?.join()) return known
    const channel = new PacedChannel(tools, followed)
    channels.set(name, channel)
    void channel.run().then(() => {
      if (channels.get(name) === channel) channels.delete(name)
    })
    return channel
  }

  return {
    async *follow(followed, after, signal) {
      const channel = join(followed)
      let mark = after
      try {
        await channel.begun()
        while (!signal.aborted) {
          const seen = channel.turns
          const batch = await channel.since(mark)
          if (batch) mark = batch.through
          yield batch
          if (!batch && channel.turns === seen) await channel.turn(signal)
        }
      } finally {
        channel.leave()
      }
    },
  }
}

function nameOf({ scope, filter, everyMs, newest }: Followed): string {
  const { accountId, mode } = scope
  return JSON.stringify([accountId, mode, filter.types ?? null, filter.object ?? null, everyMs, newest])
}
