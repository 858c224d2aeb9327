/** JSON of the API, whose integers may have 64 bits. */

type Source = { readonly source?: string }

/** An integer that JavaScript's number cannot hold exactly becomes a BigInt; every other value is as usual. */
export function parseJson(text: string): unknown {
  // Most responses have no such number, and the reviver makes parsing ten times slower.
  if (!/\d{16}/.test(text)) return JSON.parse(text)
  const revive = (_key: string, value: unknown, context?: Source) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source as string)
      : value
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown)
}

/** Indented JSON for people; a BigInt is written as the integer that it is. */
export function showJson(value: unknown): string {
  const bigs: string[] = []
  const text = JSON.stringify(
    value,
    (_key, part: unknown) => (typeof part === 'bigint' ? `\u0000${bigs.push(String(part)) - 1}\u0000` : part),
    2,
  )
  return (text ?? 'null').replace(/"\\u0000(\d+)\\u0000"/g, (_all, i: string) => bigs[Number(i)] as string)
}
