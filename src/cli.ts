/** The command line: finds the command, reads its settings, runs it, and prints its help or its failure. */
import { otherCommand, parseCommandLine } from './cli/command-line.ts'
import { COMMANDS, type Command, sentence } from './cli/commands.ts'
import { formsOf } from './cli/details.ts'
import {
  type Config,
  ConfigError,
  givenSettings,
  readConfig,
  refuseFlagsOfNpm,
  SETTINGS,
  type Setting,
  type SettingKey,
} from './config.ts'
import { ProviderConfigError } from './providers/fields.ts'
import { didYouMean } from './suggest.ts'

export { COMMANDS }

/** Former names of commands, which still work. */
export const FORMER_COMMANDS: Readonly<Record<string, string>> = { sandbox: 'simulator' }

/** Settings whose flags take no value. */
const SWITCHES = Object.values<Setting<unknown>>(SETTINGS).flatMap(({ flag, isSwitch }) =>
  isSwitch ? [flag] : [],
)

/** Runs a command line and sets `process.exitCode`. */
export async function main(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const [first, ...rest] = args
  if (first === undefined) {
    console.error(usage())
    process.exitCode = 2
    return
  }
  const name = ['--version', '-v', '-V'].includes(first) ? 'version' : first
  const asksForHelp = ['--help', '-h', 'help'].includes(name)
  const words = rest.filter((word) => !word.startsWith('-'))
  // The help of a command, with its name before or after.
  if (asksForHelp) return help(words[0], words[1])
  const command = commandOf(name)
  if (!command) return fail(noCommand(name), 2)
  if (rest.includes('--help') || rest.includes('-h')) return help(name, words[0])
  try {
    refuseFlagsOfNpm(env)
    const { own, flags, words } = parseCommandLine(rest, command.flags ?? [], SWITCHES)
    const variables = { ...defaultsOf(command), ...env }
    const config = readConfig(command.settings, flags, variables) as Config
    if (words.length > 0 && !command.words)
      return fail(`The command ${name} does not take "${words[0]}". See minipay ${name} --help.`, 2)
    process.exitCode = await command.run(config, words, own, givenSettings(command.settings, flags, env))
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ProviderConfigError) return fail(error.message, 2)
    fail(sentence(error), 1)
  }
}

function commandOf(name: string): Command | undefined {
  const current = Object.hasOwn(FORMER_COMMANDS, name) ? (FORMER_COMMANDS[name] as string) : name
  return Object.hasOwn(COMMANDS, current) ? COMMANDS[current] : undefined
}

function help(name: string | undefined, verb?: string): void {
  const command = name === undefined ? undefined : commandOf(name)
  if (name === undefined) console.log(usage())
  else if (command) console.log(commandUsage(name, command, verb))
  else fail(noCommand(name), 2)
}

function noCommand(name: string): string {
  if (name.startsWith('-')) return `The command comes first, and then its options. See minipay --help.`
  const other = otherCommand(name)
  const meant = other ? ` Did you mean ${other}?` : didYouMean(name, Object.keys(COMMANDS))
  return `There is no command "${name}".${meant} See minipay --help.`
}

/** A command's own defaults, as variables that the environment overrides. */
function defaultsOf({ defaults = {} }: Command): Record<string, string> {
  const entries = Object.entries(defaults) as [SettingKey, string][]
  return Object.fromEntries(entries.map(([key, value]) => [SETTINGS[key].env, value]))
}

/** API keys are shortened: a key in the wrong place of the command line must not reach a log. */
function withoutSecrets(message: string): string {
  return message.replace(/\b(mp_(?:test|live)_)\w+/g, '$1…')
}

function fail(message: string, status: number): void {
  console.error(`minipay: ${withoutSecrets(message)}`)
  process.exitCode = status
}

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`)
  return `Usage: minipay <command> [options]\n\n${lines.join('\n')}\n\nminipay <command> --help lists a command's options.`
}

/** The help of a command, or of those of its forms that begin with a word, such as `webhooks replay`. */
function commandUsage(name: string, command: Command, verb: string | undefined): string {
  const { summary, details, settings, defaults, docs, words } = command
  const lines = settings.map((key) => {
    const { flag, env, isSwitch, ...setting }: Setting<unknown> = SETTINGS[key]
    const doc = docs?.[key] ?? setting.doc
    const fallback = defaults?.[key] ?? SETTINGS[key].default
    return `  --${flag}${isSwitch ? '' : ' VALUE'}\n      ${doc}\n      Environment: ${env}. Default: ${fallback || '(empty)'}`
  })
  const forms = verb === undefined || !details ? undefined : formsOf(name, details, verb)
  if (forms !== undefined)
    return `Usage: minipay ${name} ${verb} … [options]\n\n${forms}\n\n${lines.join('\n')}`
  return `Usage: minipay ${name}${words ? ` ${words}` : ''}${lines.length ? ' [options]' : ''}\n\n${summary}\n\n${details ? `${details}\n\n` : ''}${lines.join('\n')}`.trimEnd()
}
