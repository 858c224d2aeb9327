declare global {
  interface JSON {
    /** Text that `JSON.stringify` writes as it is (ECMAScript, "JSON.parse source text access"). */
    rawJSON(text: string): object
  }
}

/**
 * A 64-bit integer that `JSON.stringify` writes with all its digits, past 2^53 too. It has the type that a client reads;
 * nothing else can calculate with it.
 */
export function exact(value: bigint): number {
  return JSON.rawJSON(String(value)) as unknown as number
}
