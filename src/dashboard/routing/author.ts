import { component, span, type VNode } from '../tags.ts'
import { Id } from '../ui/values.ts'

const WORDS: Readonly<Record<string, string>> = {
  keyless: 'a request without a key',
  cli: 'the command line',
  library: 'the program around MiniPay',
  server: 'MiniPay',
}

/** Who stored a version. */
export function Author({ author }: { author: string | null }): VNode {
  if (author === null) return span({ class: 'soft' }, 'unknown')
  const words = WORDS[author]
  return words === undefined ? component(Id, { id: author }) : span({}, words)
}
