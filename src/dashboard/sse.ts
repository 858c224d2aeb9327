/** Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) from text in pieces. */

/** `event` is its type. */
export type Message = { readonly id: string; readonly event: string; readonly data: string }

/**
 * A reader that takes the text as it comes and returns the messages that it completes. `lastId` is the id to resume
 * after, also of messages without data.
 */
export function messageReader(): { read(text: string): Message[]; lastId(): string | undefined } {
  let rest = ''
  let lastId: string | undefined
  return {
    lastId: () => lastId,
    read(text) {
      const blocks = (rest + text).replaceAll('\r\n', '\n').split('\n\n')
      rest = blocks.pop() as string
      const messages: Message[] = []
      for (const block of blocks) {
        const data: string[] = []
        let event = 'message'
        for (const line of block.split('\n')) {
          const [, name, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? []
          if (name === 'id') lastId = value
          if (name === 'event') event = value
          if (name === 'data') data.push(value)
        }
        if (data.length > 0) messages.push({ id: lastId ?? '', event, data: data.join('\n') })
      }
      return messages
    },
  }
}
