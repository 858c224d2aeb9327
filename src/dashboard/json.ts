/** JSON for people. */

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
