import type { IncomingMessage } from 'node:http'
import { type Rejection, reject } from '../domain/error.ts'
import { ByteBuffer } from '../net/byte-buffer.ts'
import { Refused } from './errors.ts'

/** The largest body of a request, in bytes. */
export const BODY_LIMIT = 256 * 1024

const TOO_LARGE: Rejection = reject('payload_too_large', 'The body is larger than 256 KiB.')

/**
 * Reads a request's body to its end, into one buffer: a body costs what it weighs, in however many pieces it comes.
 * `done` is called once: with the bytes; or with `Refused` (`payload_too_large`) as soon as more is announced or comes
 * than the limit; or with the stream's error when the client goes away.
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
  request
    .on('data', (piece: Buffer) => {
      if (!ended && !bytes.append(piece)) end(new Refused(TOO_LARGE))
    })
    .on('end', () => end(null, bytes.take()))
    .on('error', end)
}
