const FIRST_BYTES = 1024

/**
 * Bytes that arrive in pieces, kept in one buffer that grows to a limit. A piece is copied, not kept: a body that is
 * sent byte by byte would otherwise cost some hundred bytes of objects for each of its own. Only one that is the whole, as
 * nearly always, is kept as it is.
 */
export class ByteBuffer {
  #bytes: Buffer | undefined
  #length = 0
  readonly #limit: number
  readonly #announced: number

  /** `limit` and `announced`, how many bytes are to come in all when that is known, are in bytes. */
  constructor(limit: number, announced = 0) {
    this.#limit = limit
    this.#announced = announced
  }

  /** Keeps a piece. False when it would pass the limit: then nothing more is kept, and what was is let go of. */
  append(piece: Buffer): boolean {
    const length = this.#length + piece.length
    if (length > this.#limit) {
      this.#bytes = undefined
      this.#length = this.#limit
      return false
    }
    if (piece.length === this.#announced && this.#length === 0) this.#bytes = piece
    else this.#room(length).set(piece, this.#length)
    this.#length = length
    return true
  }

  /** All that was kept; the buffer is empty after it. */
  take(): Buffer {
    const bytes = this.#bytes?.subarray(0, this.#length) ?? Buffer.alloc(0)
    this.#bytes = undefined
    this.#length = 0
    return bytes
  }

  /** A buffer with room for so many bytes: twice as large each time, so that growing copies each byte once or twice. */
  #room(length: number): Buffer {
    const bytes = this.#bytes
    if (bytes !== undefined && bytes.length >= length) return bytes
    const size = Math.min(Math.max(length, 2 * (bytes?.length ?? 0), FIRST_BYTES), this.#limit)
    const larger = Buffer.allocUnsafe(size)
    bytes?.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
    return larger
  }
}
