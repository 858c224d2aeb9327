/** `minipay accounts`: accounts are made, listed, renamed and closed. */
import { ConfigError } from '../config.ts'
import type { AccountRow, Administration } from './administration.ts'
import { table } from './table.ts'

const USAGE = 'Usage: minipay accounts, or minipay accounts create NAME, rename ID NAME or close ID.'

/** The words of a command line as a task. Throws a `ConfigError` with the usage. */
export function accountsTask(words: readonly string[]): (administration: Administration) => Promise<number> {
  const [verb = 'list', first = '', second = '', ...more] = words
  const fits = (count: number) => words.length - 1 === count && words.every((word) => word !== '')
  if (more.length === 0) {
    if (words.length === 0 || (verb === 'list' && fits(0)))
      return async (administration) => print(await administration.accounts())
    if (verb === 'create' && fits(1))
      return async (administration) => print([await administration.createAccount(first)])
    if (verb === 'rename' && fits(2))
      return async (administration) => print([await administration.renameAccount(first, second)])
    if (verb === 'close' && fits(1))
      return async (administration) => print([await administration.closeAccount(first)])
  }
  throw new ConfigError(USAGE)
}

function print(accounts: readonly AccountRow[]): number {
  const rows = accounts.map(({ id, name, created_at, closed_at }) => [
    ...[id, created_at, closed_at === null ? 'open' : `closed ${closed_at}`, name],
  ])
  console.log(table(['ID', 'CREATED', 'STATE', 'NAME'], rows))
  return 0
}
