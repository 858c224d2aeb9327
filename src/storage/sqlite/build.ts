/**
 * What the main thread and the writer's thread must agree on. Each thread loads its own modules, so files that an upgrade
 * replaces during a start can give them two versions. Rows are arrays: the threads would then mistake one column for
 * another, and once this ended in a double charge.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { AUDIT, KEYS, NOUNS } from '../columns.ts'
import { refusalOf } from '../guards.ts'
import { messageOf, transfersIn, weightOf } from './commit-message.ts'
import { migrations } from './migrate.ts'
import { WORDS } from './packed-texts.ts'
import { insertRow, putRow, updateRow } from './row-statements.ts'
import { SHARED } from './shared.ts'
import { WRITES } from './writes.ts'

/**
 * The package's version with a digest of the tables, the writes, the messages and the migrations as this thread has loaded
 * them. Columns and functions come from memory: the files may have changed since. So a thread whose own modules are of two
 * versions differs, too. Computed as the modules are loaded, for what is read from files is then as old as the modules.
 */
export const BUILD = `${version()} ${digest()}`

function digest(): string {
  const tables = [...NOUNS, AUDIT, KEYS].map(({ name, key, columns }) => [name, key, columns])
  const functions = [messageOf, transfersIn, weightOf, refusalOf, insertRow, putRow, updateRow]
  const parts = [tables, Object.entries(WRITES), functions, SHARED, WORDS, migrations()]
  const texts = JSON.stringify(parts, (_name, value) => (typeof value === 'function' ? String(value) : value))
  return createHash('sha256').update(texts).digest('hex')
}

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

export const TWO_BUILDS =
  'The main thread and the database thread loaded different versions of MiniPay. Its files probably changed during the start. Start MiniPay again.'
