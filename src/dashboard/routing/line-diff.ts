/** The lines that a change of a text removes and adds. */

export type DiffLine = { readonly kind: 'same' | 'removed' | 'added'; readonly text: string }
export type Gap = { readonly kind: 'gap'; readonly lines: number }

/** Above so many comparisons, the lines between the first and the last change count as replaced. */
const MOST_COMPARISONS = 4_000_000

/** By the longest common subsequence of lines. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split('\n'), after.split('\n')]
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++
  const same = (lines: readonly string[]) => lines.map((text): DiffLine => ({ kind: 'same', text }))
  return [
    ...same(a.slice(0, start)),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...same(a.slice(a.length - end)),
  ]
}

function middle(a: readonly string[], b: readonly string[]): DiffLine[] {
  const removed = (text: string): DiffLine => ({ kind: 'removed', text })
  const added = (text: string): DiffLine => ({ kind: 'added', text })
  if (a.length * b.length > MOST_COMPARISONS) return [...a.map(removed), ...b.map(added)]
  const width = b.length + 1
  /** The length of the longest common subsequence of the rests. */
  const common = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] =
        a[i] === b[j]
          ? (common[(i + 1) * width + j + 1] as number) + 1
          : Math.max(common[(i + 1) * width + j] as number, common[i * width + j + 1] as number)
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: 'same', text: a[i] as string })
      i++
      j++
    } else if (
      j === b.length ||
      (i < a.length && (common[(i + 1) * width + j] as number) >= (common[i * width + j + 1] as number))
    )
      lines.push(removed(a[i++] as string))
    else lines.push(added(b[j++] as string))
  }
  return lines
}

/** The changes with a few lines around each; the rest as gaps. None if nothing changes. */
export function changesIn(lines: readonly DiffLine[], around = 3): (DiffLine | Gap)[] {
  const near = new Array<boolean>(lines.length).fill(false)
  for (const [i, { kind }] of lines.entries())
    if (kind !== 'same') near.fill(true, Math.max(0, i - around), i + around + 1)
  if (!near.includes(true)) return []
  const shown: (DiffLine | Gap)[] = []
  for (const [i, line] of lines.entries()) {
    const last = shown.at(-1)
    if (near[i]) shown.push(line)
    else if (last?.kind === 'gap') shown[shown.length - 1] = { kind: 'gap', lines: last.lines + 1 }
    else shown.push({ kind: 'gap', lines: 1 })
  }
  return shown
}
