const DRAWN = new Uint8Array(4)

/** A random number of at least 0 and less than 1. */
export function fraction(random: (bytes: Uint8Array) => void): number {
  random(DRAWN)
  return new DataView(DRAWN.buffer).getUint32(0) / 2 ** 32
}
