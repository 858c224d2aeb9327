import type { Socket } from 'node:net'

/** The most responses such as `100 Continue` and `103 Early Hints` before the receiver's own. */
const MAX_INTERIM = 8
/** The most bytes of one. */
const MAX_BYTES = 16 * 1024
/** `HTTP/1.1 100` */
const PROTOCOL = 'HTTP/1.'
const STATUS_AT = 9
const STATUS_ENDS = 12
const ONE = 0x31
const SWITCHING = '101'
const END_OF_HEAD = '\r\n\r\n'

/**
 * Leaves interim responses out of what is read from a socket: a client ignores those that it did not request (RFC 9110,
 * section 15.2), but undici fails the request for `100 Continue`. Everything that is read after a write is the response
 * to it. A receiver that sends too many loses its connection; what it may not send, such as 101, stays.
 */
export function leaveOutInterim(socket: Socket): void {
  const read = socket.read.bind(socket)
  let written = 0
  /** Whether the receiver's own response has not begun yet. */
  let isAhead = false
  let interim = 0
  /** The beginning of a head whose end has not come. */
  let held: Buffer | null = null

  function own(data: Buffer): Buffer {
    isAhead = false
    held = null
    return data
  }

  socket.read = (size?: number): Buffer | null => {
    const chunk = read(size) as Buffer | null
    if (socket.bytesWritten !== written) {
      written = socket.bytesWritten
      isAhead = true
      interim = 0
    }
    if (!isAhead || chunk === null) return chunk
    let data = held === null ? chunk : Buffer.concat([held, chunk])
    for (;;) {
      if (!mayBeInterim(data)) return own(data)
      const end = data.indexOf(END_OF_HEAD)
      if (end < 0) {
        if (data.length > MAX_BYTES) return own(data)
        held = data.length > 0 ? data : null
        return null
      }
      if (++interim > MAX_INTERIM) {
        socket.destroy(new Error('the receiver sent only interim responses'))
        return null
      }
      data = data.subarray(end + END_OF_HEAD.length)
      held = null
    }
  }
}

/** Whether it is, or may become, the status line of an interim response. */
function mayBeInterim(data: Buffer): boolean {
  if (data.length > STATUS_AT && data[STATUS_AT] !== ONE) return false
  const line = data.toString('latin1', 0, STATUS_ENDS)
  return PROTOCOL.startsWith(line.slice(0, PROTOCOL.length)) && line.slice(STATUS_AT) !== SWITCHING
}
