/** Reads the settings of a command from its flags and the environment. */
import { parseArgs } from 'node:util'
import { flagFault, nearFlag } from './flags.ts'
import { isLinkVariable } from './link-variables.ts'
import { createEgress } from './net/egress.ts'
import { ConfigError } from './setting-values.ts'
import { type Config, SETTINGS, type Setting, type SettingKey } from './settings.ts'
import { type Misspelt, misspeltVariablesOf, nearVariable } from './variables.ts'

export { type Config, ConfigError, SETTINGS, type Setting, type SettingKey }

/**
 * Reads settings from flags, then the environment, then the defaults. `keys` are those that the command
 * takes; any other flag, and any MINIPAY_ variable that is none of ours, is refused. Throws `ConfigError`.
 */
export function readConfig<K extends SettingKey>(
  keys: readonly K[],
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Pick<Config, K> {
  const flags = readFlags(keys, args)
  refuseUnknownVariables(env)
  const variableOf = (key: SettingKey) => {
    const { env: variable, formerly }: Setting<unknown> = SETTINGS[key]
    return formerly !== undefined && env[variable] === undefined ? formerly : variable
  }
  const flagOf = (key: SettingKey) => flags[SETTINGS[key].flag]
  return parseSettings(
    keys,
    (key) => flagOf(key) ?? env[variableOf(key)],
    (key) => (flagOf(key) === undefined ? variableOf(key) : `--${SETTINGS[key].flag}`),
    '--allowed-targets',
  )
}

/** How a setting was given; one that has its default is neither. */
export type Given = {
  readonly flags: ReadonlySet<SettingKey>
  readonly variables: ReadonlySet<SettingKey>
}

/** The settings that the command line and the environment give, whether or not their values are right. */
export function givenSettings(
  keys: readonly SettingKey[],
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Given {
  const flags = readFlags(keys, args)
  return {
    flags: new Set(keys.filter((key) => flags[SETTINGS[key].flag] !== undefined)),
    variables: new Set(keys.filter((key) => env[SETTINGS[key].env] !== undefined)),
  }
}

/**
 * Parses settings from texts, or their defaults. Throws a `ConfigError` in which `nameOf` names the setting and
 * `exceptions` the one that permits special-purpose addresses.
 */
export function parseSettings<K extends SettingKey>(
  keys: readonly K[],
  textOf: (key: K) => string | undefined,
  nameOf: (key: K) => string,
  exceptions: string,
): Pick<Config, K> {
  const config: Partial<Record<SettingKey, unknown>> = {}
  for (const key of keys) {
    const setting: Setting<unknown> = SETTINGS[key]
    try {
      config[key] = setting.parse(textOf(key) ?? setting.default)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      throw new ConfigError(`${nameOf(key)} ${error.message}.`)
    }
  }
  refuseForbiddenTargets(config as Partial<Config>, (key) => nameOf(key as K), exceptions)
  return config as Pick<Config, K>
}

const TARGETS = ['webhookTarget', 'simulatorNotify'] as const

function refuseForbiddenTargets(
  config: Partial<Config>,
  nameOf: (key: SettingKey) => string,
  exceptions: string,
): void {
  const { forbids } = config.allowedTargets ?? createEgress()
  for (const key of TARGETS) {
    const host = config[key]?.hostname
    if (host !== undefined && forbids(host))
      throw new ConfigError(
        `${nameOf(key)} must not be the special-purpose address ${host}; see ${exceptions}.`,
      )
  }
}

function readFlags(keys: readonly SettingKey[], args: readonly string[]): Record<string, string | undefined> {
  const options = Object.fromEntries(
    keys.map((key) => {
      const { flag, isSwitch }: Setting<unknown> = SETTINGS[key]
      return [flag, { type: isSwitch ? ('boolean' as const) : ('string' as const) }]
    }),
  )
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false })
    return Object.fromEntries(
      Object.entries(values).map(([flag, value]) => [flag, value === true ? 'true' : String(value)]),
    )
  } catch (error) {
    throw new ConfigError(`${flagFault(error)}.${nearFlag(error, Object.keys(options))} See --help.`)
  }
}

const KNOWN = new Set<string>(
  Object.values<Setting<unknown>>(SETTINGS).flatMap(({ env, formerly }) =>
    formerly ? [env, formerly] : [env],
  ),
)

/**
 * Throws `ConfigError` for a flag that npm took for one of its own, as in `npm start --port=9000`: it comes as a variable
 * of npm's, and the command would use another port or database than was meant
 * (https://docs.npmjs.com/cli/v11/using-npm/config#environment-variables).
 */
export function refuseFlagsOfNpm(env: NodeJS.ProcessEnv): void {
  for (const { flag } of Object.values(SETTINGS))
    if (env[`npm_config_${flag.replaceAll('-', '_')}`] !== undefined)
      throw new ConfigError(
        `npm took --${flag} for itself. Put -- before the flags, as in: npm start -- --port 9000.`,
      )
}

/** Variables that begin with `MINIPAY_`, are no settings, and come from Kubernetes or Docker by themselves. */
export function linkVariables(env: NodeJS.ProcessEnv): string[] {
  return strangers(env).filter((name) => isLinkVariable(name, env))
}

function strangers(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env).filter((name) => name.startsWith('MINIPAY_') && !KNOWN.has(name))
}

function refuseUnknownVariables(env: NodeJS.ProcessEnv): void {
  for (const name of strangers(env)) {
    if (isLinkVariable(name, env)) continue
    const meant = nearVariable(name, KNOWN)
    const hint = meant === undefined ? '' : ` Did you mean ${meant}?`
    throw new ConfigError(`${name} is not a setting of MiniPay.${hint} See minipay serve --help.`)
  }
}

/** Variables without the prefix that look like misspelt settings. */
export function misspeltVariables(env: NodeJS.ProcessEnv): Misspelt[] {
  return misspeltVariablesOf(env, KNOWN)
}
