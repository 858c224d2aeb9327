/** `minipay verify`: checks the books and the hash chains. */
import { existsSync, readFileSync } from 'node:fs'
import { type Config, ConfigError } from '../config.ts'
import { publicName } from '../database-name.ts'
import { type Head, readHead } from '../storage/chain/head.ts'
import { engineOf } from '../storage/engine.ts'

/** Prints the totals and the head of the chains, or the problem. `since` is a head, or a file that has one. */
export async function verifyBooks({ database }: Config, since: string | undefined): Promise<number> {
  const kept = since === undefined ? undefined : keptHead(since)
  const result = await (await engineOf(database)).verify(kept)
  if (result.problem !== undefined) {
    console.error(`minipay: ${result.problem}`)
    if (result.chainProblem !== undefined) console.error(`minipay: ${result.chainProblem}`)
    return 1
  }
  const { charges, refunds, entries, head } = result
  console.log(`The books balance: ${charges} charges, ${refunds} refunds, ${entries} entries.`)
  if (kept) console.log('The hash chains contain the given head.')
  if (head !== undefined) console.log(`Head of the hash chains: ${head}`)
  // A person at a terminal easily mistakes which books these are.
  if (process.stderr.isTTY) console.error(`These are the books of ${publicName(database)}.`)
  return 0
}

/** Throws `ConfigError` for a text that is neither a head nor a file with one. */
function keptHead(since: string): Head[] {
  const isFile = !since.startsWith('mph1_')
  if (isFile && !existsSync(since))
    throw new ConfigError(`--since must be a head or a file: there is no ${since}.`)
  try {
    return readHead(isFile ? readFileSync(since, 'utf8') : since)
  } catch (error) {
    throw new ConfigError(`--since ${since}: ${(error as Error).message}`)
  }
}
