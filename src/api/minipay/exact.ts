declare global {
  interface JSON {
    /** Text that `JSON.stringify` writes as it is (ECMAScript, "JSON.parse source text access"). */
    rawJSON(text: string): object
  }
}

/** A 64-bit integer as JSON writes it: its digits, past 2^53 too. */
export function exact(value: bigint): object {
  return JSON.rawJSON(String(value))
}
