const FIRST_BYTES = 1024

/**
 * Bytes that arrive in pieces, in one buffer that grows up to a limit. Copies each piece: otherwise a body that is
 * sent byte by byte would need some hundred bytes of objects for each byte. A piece that is the whole body, the usual
 * case, is not copied.
 */
export class ByteBuffer {
  #bytes: Buffer | undefined
  #length = 0
  readonly #limit: number
  readonly #announced: number

  /** `limit` and `announced`, the expected total if it is known, are in bytes. */
  constructor(limit: number, announced = 0) {
    this.#limit = limit
    this.#announced = announced
  }

  /** Adds a piece. False if it would exceed the limit: then the buffer is dropped. */
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

  /** All bytes; empties the buffer. */
  take(): Buffer {
    const bytes = this.#bytes?.subarray(0, this.#length) ?? Buffer.alloc(0)
    this.#bytes = undefined
    this.#length = 0
    return bytes
  }

  /**
   * A buffer with room for this many bytes: twice as large each time, so that growth copies each byte once or twice.
   */
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
