/** More lines of the help of commands: each flag of theirs that is no setting, and settings that mean something else there. */
import type { SettingKey } from '../config.ts'

export const VERIFY_HELP = `  --since HEAD|FILE
      Also checks that the books continue a former state: its head, which begins with mph1_, or a file that has it, such as an
      earlier output of this command. Keep heads elsewhere: a person who rewrites the books cannot make them fit a former head.`

export const DEMO_HELP = `  --seed N
      Another month, and the same one each time. Default: 1`

export const ATTEMPTS_HELP = `  minipay attempts
      Lists the provider calls with an unknown or a pending outcome.
  minipay attempts resolve ID succeeded|failed [REFERENCE] [--amount N]
      Records what the provider did, and its reference if the attempt has none.
      --amount N   the amount that moved, in minor units, if it is less than requested`

export const TRIGGER_HELP = `  minipay trigger payment.refunded
      Makes a charge in test mode, and what leads to the event. Where the server needs a key, give one of test mode.
  minipay trigger --list
      Prints the types that it can make, and how.`

export const AUDIT_HELP = `  A time is a date, a time with its zone, or a duration until now, such as 30m, 24h or 7d.
  --limit N
      Entries, at most 100. Default: 50
  --mode test|live and --account acct_…
      Only in the database itself: the entries of this mode, or of this account.`

/** The settings of the simulator in its own words. */
export const SIMULATOR_DOCS: Readonly<Partial<Record<SettingKey, string>>> = {
  port: 'TCP port of the simulator; 0 takes a free one.',
  host: 'Address to listen on. Payments must be signed with the secret; control calls must come from this machine.',
  database: 'SQLite file for the payments of the simulator, not that of MiniPay. A missing file is made.',
}

export const DEMO_DOCS: Readonly<Partial<Record<SettingKey, string>>> = {
  database: 'SQLite file to make, or postgres:// URL of an empty database.',
}

/**
 * The forms of a command whose first word is `verb`, with their lines; undefined if there is none. Each form begins with two
 * blanks and `minipay NAME`.
 */
export function formsOf(name: string, details: string, verb: string): string | undefined {
  const forms = details.split('\n\n', 1)[0]?.split(/^(?= {2}minipay )/m) ?? []
  const own = forms.filter((form) => form.startsWith(`  minipay ${name} ${verb} `))
  return own.length === 0 ? undefined : own.join('').trimEnd()
}
