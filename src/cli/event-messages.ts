/** Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), as MiniPay sends them. */

/** A block of a stream. One with a comment or an id alone has no data. */
export type Message = {
  /** The id of this message, or of the last one before it that had one. */
  readonly id: string | null
  /** Its type. */
  readonly event: string
  readonly data: string
}

/** The messages of a response, each when it is complete. Rejects if the connection breaks. */
export async function* messagesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Message, void> {
  const decoder = new TextDecoder()
  let rest = ''
  let id: string | null = null
  for await (const bytes of body) {
    const blocks = (rest + decoder.decode(bytes, { stream: true })).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const data: string[] = []
      let event = 'message'
      for (const line of block.split('\n')) {
        if (line.startsWith('id: ')) id = line.slice('id: '.length)
        if (line.startsWith('event: ')) event = line.slice('event: '.length)
        if (line.startsWith('data: ')) data.push(line.slice('data: '.length))
      }
      yield { id, event, data: data.join('\n') }
    }
  }
}
