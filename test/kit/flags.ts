/** The flags of the programs that developers run, such as `npm run storm`. */
import { parseArgs } from 'node:util'

/** A flag: what it sets, and its value when it is not given. A flag whose default is a number takes a positive number. */
export type Flag = {
  readonly sets: string
  readonly is: string | number | undefined
  readonly among?: readonly string[]
}

type Values<F> = {
  readonly [K in keyof F]: F[K] extends { readonly among: readonly (infer A)[] }
    ? A | (F[K] extends { readonly is: undefined } ? undefined : never)
    : F[K] extends { readonly is: number }
      ? number
      : F[K] extends { readonly is: string }
        ? string
        : string | undefined
}

/** The seed of a program: a random one, unless it is given. */
export const seedFlag = () =>
  ({ sets: 'what the program draws', is: Math.floor(Math.random() * 1_000_000) }) as const

/**
 * Reads the flags of `command`, such as "npm run storm --", from the command line. At --help prints them and exits; at a flag or
 * a value that it does not know says so and exits with 2.
 */
export function flagsOf<const F extends Readonly<Record<string, Flag>>>(
  command: string,
  flags: F,
  words: readonly string[] = process.argv.slice(2),
): Values<F> {
  try {
    const given = parseFlags(words, flags)
    if (given !== 'help') return given
    console.log(usageOf(command, flags))
    process.exit()
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usageOf(command, flags)}`)
    process.exit(2)
  }
}

/** The values of `flags` in `words`; 'help' when they ask for it. Throws an error that names the flag that is wrong. */
export function parseFlags<const F extends Readonly<Record<string, Flag>>>(
  words: readonly string[],
  flags: F,
): Values<F> | 'help' {
  const names = Object.keys(flags)
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: 'boolean' },
      ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
    },
  })
  const given: Readonly<Record<string, unknown>> = values
  if (given['help'] === true) return 'help'
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, readValue(name, flag, given[name])]),
  ) as Values<F>
}

function readValue(name: string, { is, among }: Flag, text: unknown): string | number | undefined {
  if (typeof text !== 'string') return is
  if (among && !among.includes(text)) throw new Error(`--${name} is one of ${among.join(', ')}, not ${text}.`)
  if (typeof is !== 'number') return text
  if (!(Number(text) > 0) && text !== '0') throw new Error(`--${name} is a number, not ${text}.`)
  return Number(text)
}

function usageOf(command: string, flags: Readonly<Record<string, Flag>>): string {
  const lines = Object.entries(flags).map(([name, { sets, is, among }]) => {
    const values = among ? `: ${among.join(', ')}` : ''
    return `  --${`${name} VALUE`.padEnd(20)}  ${sets}${values}${is === undefined ? '' : ` (${is})`}`
  })
  return [`Usage: ${command} [flags]`, '', ...lines].join('\n')
}
