/** Columns of text, each as wide as its widest cell; the last as it is. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => [...(line[column] ?? '')].length)))
  const pad = (cell: string, column: number) =>
    column === head.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - [...cell].length)
  return lines.map((line) => line.map(pad).join('  ')).join('\n')
}
