declare global {
  interface JSON {
    /** Text that `JSON.stringify` writes as it is (ECMAScript, "JSON.parse source text access"). */
    rawJSON(text: string): object
    isRawJSON(value: unknown): boolean
  }
}

/**
 * A 64-bit integer that `JSON.stringify` writes with all its digits, past 2^53 too. Its type is what clients read; do not
 * calculate with it.
 */
export function exact(value: bigint): number {
  return JSON.rawJSON(String(value)) as unknown as number
}
