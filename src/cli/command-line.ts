/** Parses a command line into its words and its flags, which may be anywhere after the command. */

export type CommandLine = {
  /** Flags of the command alone, with their values. */
  readonly own: Readonly<Record<string, string>>
  /** Flags with their values, as they were written. */
  readonly flags: readonly string[]
  readonly words: readonly string[]
}

/**
 * A flag has a value, `--amount 400` or `--amount=400`, unless it is one of `switches`. `own` are names of flags that
 * are no settings.
 */
export function parseCommandLine(
  args: readonly string[],
  own: readonly string[],
  switches: readonly string[],
): CommandLine {
  const found: Record<string, string> = {}
  const flags: string[] = []
  const words: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string
    if (!arg.startsWith('-') || arg === '-') {
      words.push(arg)
      continue
    }
    const [name = '', value] = arg.split('=', 2)
    const takesNext = value === undefined && i + 1 < args.length && !switches.includes(name.slice(2))
    if (own.includes(name.slice(2))) found[name.slice(2)] = value ?? args[++i] ?? ''
    else flags.push(arg, ...(takesNext ? [args[++i] as string] : []))
  }
  return { own: found, flags, words }
}

/** The names of our commands in other products. */
const OTHER_COMMANDS: Readonly<Record<string, string>> = {
  start: 'serve',
  run: 'serve',
  up: 'serve',
  daemon: 'serve',
  kill: 'stop',
  quit: 'stop',
  halt: 'stop',
  check: 'verify',
  audit: 'verify',
  upgrade: 'migrate',
  bank: 'simulator',
  dump: 'backup',
  export: 'backup',
  import: 'copy',
  rules: 'routing',
  deliveries: 'webhooks',
}

/** Our command for another product's word; undefined when there is none. */
export function otherCommand(name: string): string | undefined {
  return Object.hasOwn(OTHER_COMMANDS, name.toLowerCase()) ? OTHER_COMMANDS[name.toLowerCase()] : undefined
}
