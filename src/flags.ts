/** Messages about a command's flags that could not be read. */
import { didYouMean } from './suggest.ts'

/** The first sentence of the parser's message, or which flag needs a value. */
export function flagFault(error: unknown): string {
  const { message } = error as Error
  const missing = /^Option '(--[^ ']+).*argument (?:missing|is ambiguous)/.exec(message)?.[1]
  return missing === undefined ? (message.split(/\.(?:\s|$)/)[0] as string) : `${missing} needs a value`
}

/** A suggestion for `Unknown option '--prot'` among a command's flags; empty for any other fault. */
export function nearFlag(error: unknown, flags: readonly string[]): string {
  const wrong = /^Unknown option '--?([^']+)'/.exec((error as Error).message)?.[1]
  if (wrong === undefined) return ''
  const other = OTHER_FLAGS[wrong]
  const meant = flags.find((flag) => flag === other)
  return meant === undefined ? didYouMean(wrong, flags, '--') : ` Did you mean --${meant}?`
}

/** Other products' names of our flags. */
const OTHER_FLAGS: Readonly<Record<string, string>> = {
  p: 'port',
  d: 'database',
  db: 'database',
  file: 'database',
  f: 'database',
  bind: 'host',
  listen: 'host',
  address: 'host',
  ip: 'host',
  verbose: 'log-level',
  debug: 'log-level',
  quiet: 'log-level',
  config: 'providers',
  url: 'server',
  webhook: 'webhook-target',
  'webhook-url': 'webhook-target',
}
