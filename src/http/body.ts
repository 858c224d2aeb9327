import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { createTurns } from '../app/turns.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import { type Refusal, Refused, refuse } from './errors.ts'
import { refusalOfTrailers } from './framing.ts'

/** The largest body of a request, in bytes. */
export const BODY_LIMIT = 256 * 1024

const TOO_LARGE: Refusal = refuse('payload_too_large', 'The body is larger than 256 KiB.')

/**
 * After more pieces than this, and after each further number of as many, a body lets other requests have their turn.
 */
const MANY_PIECES = 512
/** The time between the turns of such bodies, of all connections together, in ms. */
const REST_MS = 100
const nextTurn = createTurns((resolve) => setTimeout(resolve, REST_MS))

/**
 * Reads a request's body to its end, into one buffer, so its memory depends on its size and not on the number of
 * pieces. Calls `done` once: with the bytes; or with `Refused` (`payload_too_large`) as soon as the announced or
 * received size exceeds the limit; or with the stream's error if the client disconnects.
 */
export function readBody(
  request: IncomingMessage,
  done: (error: Error | null, bytes?: Buffer) => void,
): void {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > BODY_LIMIT) {
    done(new Refused(TOO_LARGE))
    return
  }
  let ended = false
  const end = (error: Error | null, bytes?: Buffer) => {
    if (ended) return
    ended = true
    done(error, bytes)
  }
  const bytes = new ByteBuffer(BODY_LIMIT, announced)
  let pieces = 0
  request
    .on('data', (piece: Buffer) => {
      if (!ended && !bytes.append(piece)) end(new Refused(TOO_LARGE))
      if (++pieces % MANY_PIECES === 0) rest(request.socket)
    })
    .on('end', () => {
      const refusal = refusalOfTrailers(request)
      if (refusal) end(new Refused(refusal))
      else end(null, bytes.take())
    })
    .on('error', end)
}

/** A connection that Node's parser reads by itself. Node sets the mark to stop reading while a client does not read. */
type Resting = Socket & { _paused?: boolean; parser?: { resume(): void } | null }

/**
 * Stops reading a connection until its turn. One read of 64 KiB in chunks of a byte makes eleven thousand pieces and
 * takes some 10 ms, so several such connections would take a multiple of that in each turn of the event loop. So
 * MiniPay reads one of them at a time, and gives other requests ten times as long in between.
 */
function rest(socket: Resting): void {
  if (socket._paused) return
  // Without the mark, the next piece of the request would make the connection read again.
  socket._paused = true
  socket.pause()
  nextTurn().then(() => {
    socket._paused = false
    socket.parser?.resume()
    socket.resume()
  })
}
