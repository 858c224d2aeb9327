/** A TCP proxy in front of a database: the test cuts the connection at a chosen word. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** The action for a connection when a word passes: it gets the text, and decides whether the rest passes. */
export type Cut = {
  /** `sent` checks the node's data, `answered` the server's. */
  readonly when: 'sent' | 'answered'
  readonly word: string
  /**
   * `lost`: the word never arrives. `late`: it arrives after `release`, long after the node has closed its connection.
   */
  readonly becomes: 'lost' | 'late'
}

export type DatabaseProxy = {
  readonly url: string
  /** Cuts the next connection on which the word passes; resolves when that has happened. */
  cut(cut: Cut): Promise<void>
  /** Passes on the data that was cut as `late`; resolves when the server has ended that connection. */
  release(): Promise<void>
  /** Breaks every connection. */
  breakAll(): void
  close(): Promise<void>
}

export async function startProxy(url: string): Promise<DatabaseProxy> {
  const { hostname, port } = new URL(url)
  const pairs = new Set<readonly [Socket, Socket]>()
  let waiting: { cut: Cut; done: () => void } | undefined
  let held: { upstream: Socket; chunk: Buffer } | undefined

  /** True if the chunk must not be passed on. */
  function caught(when: Cut['when'], chunk: Buffer, node: Socket, upstream: Socket): boolean {
    if (waiting?.cut.when !== when || !chunk.includes(waiting.cut.word)) return false
    const { cut, done } = waiting
    waiting = undefined
    node.destroy()
    if (cut.becomes === 'late') held = { upstream, chunk }
    else upstream.destroy()
    done()
    return true
  }

  const server = createServer((node) => {
    const upstream = connect(Number(port), hostname)
    const pair = [node, upstream] as const
    pairs.add(pair)
    node.on('data', (chunk: Buffer) => {
      if (!caught('sent', chunk, node, upstream)) upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      if (!node.destroyed && !caught('answered', chunk, node, upstream)) node.write(chunk)
    })
    for (const [one, other] of [pair, pair.toReversed() as [Socket, Socket]]) {
      one.on('error', () => {})
      one.on('close', () => {
        if (held?.upstream !== other) other.destroy()
        pairs.delete(pair)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = new URL(url)
  own.hostname = '127.0.0.1'
  own.port = String((server.address() as AddressInfo).port)

  const breakAll = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
  }
  return {
    url: own.href,
    breakAll,
    cut(cut) {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting = { cut, done: resolve }
      return promise
    },
    async release() {
      if (!held) throw new Error('nothing was held')
      const { upstream, chunk } = held
      held = undefined
      // Ends the stream, too: the server ends the connection after it has run the data before.
      upstream.end(chunk)
      upstream.resume()
      if (!upstream.closed) await once(upstream, 'close')
    },
    async close() {
      held?.upstream.destroy()
      breakAll()
      server.close()
      await once(server, 'close')
    },
  }
}
