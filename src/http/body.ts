import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { createTurns } from '../app/turns.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import { type Refusal, Refused, refuse } from './errors.ts'
import { refusalOfTrailers } from './framing.ts'
import { inviteBody } from './node-server.ts'

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

/** A body larger than this counts while it arrives, in bytes. */
const SMALL = 16 * 1024
/** The most bytes of such bodies together that may be arriving. Their buffers take up to twice as much. */
const MAX_ARRIVING_BYTES = 16 * 1024 * 1024
const OVERLOADED: Refusal = refuse('overloaded', 'Too many large bodies are arriving.')

/**
 * Reads a request's body to its end and calls `done` once: with the bytes; or with `Refused`, as soon as the announced
 * or received size exceeds the limit (`payload_too_large`), when many large bodies arrive and this one has been arriving
 * longest (`overloaded`), or for trailers (`bad_request`); or with the stream's error if the client disconnects.
 */
export type BodyReader = (
  request: IncomingMessage,
  done: (error: Error | null, bytes?: Buffer) => void,
) => void

/** Reads each body into one buffer, so its memory depends on its size and not on the number of pieces. */
export function bodyReader(): BodyReader {
  const arriving = arrivingBodies()
  return (request, done) => {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > BODY_LIMIT) return done(new Refused(TOO_LARGE))
    inviteBody(request)
    const bytes = new ByteBuffer(BODY_LIMIT, announced)
    let ended = false
    const end = (error: Error | null) => {
      if (ended) return
      ended = true
      arriving.ended(end)
      const all = bytes.take()
      if (error) done(error)
      else done(null, all)
    }
    let pieces = 0
    let size = 0
    request
      .on('data', (piece: Buffer) => {
        if (++pieces % MANY_PIECES === 0) rest(request.socket)
        if (ended) return
        if (!bytes.append(piece)) return end(new Refused(TOO_LARGE))
        size += piece.length
        if (size > SMALL) arriving.grew(end, size)
      })
      .on('end', () => {
        const refusal = refusalOfTrailers(request)
        end(refusal ? new Refused(refusal) : null)
      })
      .on('error', end)
  }
}

type End = (error: Error | null) => void

/** Refuses the large body that began first while too many bytes are arriving: a client that is not slow has long ended. */
function arrivingBodies() {
  const sizes = new Map<End, number>()
  let bytes = 0
  return {
    grew(end: End, size: number): void {
      bytes += size - (sizes.get(end) ?? 0)
      sizes.set(end, size)
      for (const oldest of sizes.keys()) {
        if (bytes <= MAX_ARRIVING_BYTES) break
        oldest(new Refused(OVERLOADED))
      }
    },
    ended(end: End): void {
      bytes -= sizes.get(end) ?? 0
      sizes.delete(end)
    },
  }
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
