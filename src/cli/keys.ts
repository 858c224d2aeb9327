/** `minipay keys`: API keys are made, listed, rolled, revoked and renamed. */
import { ConfigError } from '../config.ts'
import { ROLES } from '../domain/access/permissions.ts'
import type { Administration, KeyRow, MadeKeyRow, NewKey, ScopeChoice } from './administration.ts'
import { futureMoment, secondsOf } from './moment.ts'
import { table } from './table.ts'

/** The flags of the command that are no settings. */
export const KEY_FLAGS = [
  'role',
  'permissions',
  'mode',
  'account',
  'networks',
  'expires',
  'rate-limit',
  'overlap',
] as const
type Flags = Readonly<Partial<Record<string, string>>>

/** The help of the command: each form with its flags. */
export const KEYS_HELP = `  minipay keys [list] [--mode test|live] [--account acct_…]
  minipay keys create NAME --mode test|live --role ${Object.keys(ROLES).join('|')}
      In place of --role: --permissions charges:write,refunds:read
      Also: --account acct_…, --networks 203.0.113.0/24, --expires 90d or 2027-01-31, --rate-limit N (a second)
      Standard output has the secret alone, so that a script can store it.
  minipay keys roll ID [--overlap 24h]
      Makes a successor. The old key works until the overlap ends: 24h unless given, 0 to 30d.
  minipay keys revoke ID
  minipay keys rename ID NAME

With an API key, or with --server, the command calls a server. Otherwise it uses the database itself; but while a server
uses a SQLite file, it calls that server if it needs no key.`

const USAGE =
  'Usage: minipay keys, or minipay keys create NAME, roll ID, revoke ID or rename ID NAME. See minipay keys --help.'
const CREATE = `Give the new API key --role ${Object.keys(ROLES).join(', ')}, or --permissions. See minipay keys --help.`
const SHUT_OUT =
  "The server now requires a key for each request, and this key cannot make an administrator's. Make that one in the " +
  "database itself: minipay keys create 'my name' --mode test --role administrator. " +
  'On SQLite, stop the server first: minipay stop.'

/** The words and flags of a command line as a task. Throws a `ConfigError` with the usage, or about the wrong value. */
export function keysTask(
  [verb = 'list', ...words]: readonly string[],
  flags: Flags,
  now: number,
): (administration: Administration) => Promise<number> {
  const [id = '', name = ''] = words
  const given = Object.keys(flags)
  const fits = (count: number, ...allowed: readonly string[]) =>
    words.length === count &&
    words.every((word) => word !== '') &&
    given.every((flag) => allowed.includes(flag))
  if (verb === 'list' && fits(0, 'mode', 'account')) {
    const choice = scopeChoice(flags)
    return async (administration) => list(await administration.keys(choice))
  }
  if (verb === 'create' && fits(1, ...KEY_FLAGS.filter((flag) => flag !== 'overlap'))) {
    const key = newKey(id, flags, now)
    return async (administration) => {
      // A key of the wrong mode would be found out late.
      if (administration.needsMode && key.mode === undefined)
        throw new ConfigError('Give the new API key --mode test or --mode live.')
      const made = await administration.createKey(key)
      printMade(made)
      if (made.role !== 'administrator' && (await administration.isShutOut())) console.error(`\n${SHUT_OUT}`)
      return 0
    }
  }
  if (verb === 'roll' && fits(1, 'overlap')) {
    const { overlap } = flags
    const seconds = overlap === undefined ? undefined : overlapOf(overlap)
    const old =
      seconds === 0
        ? `${id} no longer works.`
        : `${id} still works for ${overlap ?? '24h'}, unless it ends sooner.`
    return async (administration) => printMade(await administration.rollKey(id, seconds), old)
  }
  if (verb === 'revoke' && fits(1))
    return async (administration) => list([await administration.revokeKey(id)])
  if (verb === 'rename' && fits(2))
    return async (administration) => list([await administration.renameKey(id, name)])
  throw new ConfigError(USAGE)
}

/** `--mode` and `--account`. */
export function scopeChoice({ mode, account }: Flags): ScopeChoice {
  if (mode !== undefined && mode !== 'test' && mode !== 'live')
    throw new ConfigError('--mode must be test or live.')
  return { ...(mode !== undefined && { mode }), ...(account !== undefined && { account }) }
}

function newKey(name: string, flags: Flags, now: number): NewKey {
  const { role, permissions, networks, expires, 'rate-limit': rate } = flags
  if ((role === undefined) === (permissions === undefined)) throw new ConfigError(CREATE)
  if (rate !== undefined && !/^[1-9]\d{0,6}$/.test(rate))
    throw new ConfigError('--rate-limit must be a whole number of requests a second.')
  return {
    name,
    ...scopeChoice(flags),
    ...(role !== undefined && { role }),
    ...(permissions !== undefined && { permissions: listOf(permissions) }),
    ...(networks !== undefined && { networks: listOf(networks) }),
    ...(expires !== undefined && { expires_at: futureMoment('--expires', expires, now) }),
    ...(rate !== undefined && { rate_limit: Number(rate) }),
  }
}

const listOf = (text: string) => text.split(',').map((part) => part.trim())

function overlapOf(text: string): number {
  const seconds = secondsOf(text)
  if (seconds === undefined)
    throw new ConfigError('--overlap must be a duration such as 30m, 24h or 7d, or 0.')
  return seconds
}

/** The secret alone on standard output, so that a script can take it; the rest on standard error. */
function printMade(key: MadeKeyRow, more?: string): number {
  console.error(describe([key]))
  if (more !== undefined) console.error(`\n${more}`)
  console.error('\nThis is the secret. MiniPay stores only its hash and never shows it again:')
  console.log(key.secret)
  return 0
}

function list(keys: readonly KeyRow[]): number {
  if (keys.length === 0) console.error('There is no API key.')
  else console.log(describe(keys))
  return 0
}

function describe(keys: readonly KeyRow[]): string {
  return table(
    ['ID', 'MODE', 'ACCOUNT', 'NAME', 'MAY', 'SECRET', 'STATE', 'LAST USED'],
    keys.map((key) => [
      ...[key.id, key.mode, key.account, key.name, key.role ?? (key.permissions ?? []).join(',')],
      ...[key.hint, stateOf(key), key.last_used_at ?? 'never'],
    ]),
  )
}

function stateOf({ revoked_at, rolled_to, expires_at, networks }: KeyRow): string {
  if (revoked_at !== null) return `revoked ${revoked_at}`
  const end = expires_at === null ? 'active' : `until ${expires_at}`
  const successor = rolled_to === null ? '' : `, rolled to ${rolled_to}`
  return `${end}${successor}${networks === null ? '' : `, from ${networks.join(',')}`}`
}
