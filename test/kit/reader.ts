/** A reader that follows the events during a storm, and reads each page from another node. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Event } from './client.ts'
import { call } from './http.ts'
import type { ClusterNode } from './nodes.ts'

export type Reader = {
  readonly seen: readonly Pick<Event, 'id' | 'sequence' | 'epoch'>[]
  /** Invalid pages, each as a sentence. */
  readonly wrong: readonly string[]
  /** Resolves when it has read all stored events, and ends. */
  stop(): Promise<void>
}

const POLL_MS = 20

type Page = { readonly data: Event[]; readonly has_more: boolean }

/**
 * Stores the last number that it has read, as a client does. The next event must have the next number, unless an epoch
 * began: it would never read a smaller number, and a gap could be filled later.
 */
export function readEvents(nodes: readonly ClusterNode[]): Reader {
  const seen: Reader['seen'][number][] = []
  const wrong: string[] = []
  let stopping = false

  async function read(turn: number): Promise<'events' | 'nothing new' | 'no answer'> {
    const node = nodes[turn % nodes.length] as ClusterNode
    const path = `/api/v1/events?limit=100&after=${seen.at(-1)?.sequence ?? 0}`
    const answer = await call<Page>(node.url, 'GET', path).catch(() => undefined)
    if (answer === undefined || (answer.status === 503 && answer.headers.has('retry-after')))
      return 'no answer'
    if (answer.status !== 200) {
      wrong.push(`${path} was answered ${answer.status} ${JSON.stringify(answer.body)}`)
      return 'no answer'
    }
    for (const { id, sequence, epoch } of answer.body.data) {
      const last = seen.at(-1)
      if (sequence !== (last?.sequence ?? 0) + 1 && (!last || last.epoch === epoch))
        wrong.push(`after event ${last?.sequence} a reader finds ${sequence}`)
      seen.push({ id, sequence, epoch })
    }
    return answer.body.data.length > 0 ? 'events' : 'nothing new'
  }

  async function follow(): Promise<void> {
    for (let turn = 0; wrong.length === 0; turn++) {
      const isLast = stopping
      const found = await read(turn)
      if (isLast && found === 'nothing new') return
      if (found !== 'events') await pause(POLL_MS)
    }
  }

  const following = follow()
  return {
    seen,
    wrong,
    stop() {
      stopping = true
      return following
    },
  }
}
