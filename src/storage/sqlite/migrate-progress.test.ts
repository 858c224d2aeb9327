import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { folderOf } from '../../../test/kit/folders.ts'
import { runCli } from '../../../test/kit/server.ts'
import { SLICE } from '../../ports/store-ledger.ts'
import { migrate, migrations } from './migrate.ts'
import { openWriter } from './open.ts'

test('an upgrade tells of each migration, and of what it leaves to a server', async (t) => {
  const file = join(folderOf(t), 'test.db')
  const db = openWriter(file)
  const [before, missing] = [migrations().slice(0, 26), migrations().slice(26)]
  migrate(db, before, { onMigration: () => assert.fail('of a new database it tells nothing') })
  db.exec(`INSERT INTO ledger_accounts VALUES (1, 1, 0, 'merchant', 'usd', 0);
    INSERT INTO ledger_transfers VALUES (1, 0, ${SLICE}, 1, 2, 'txn', 1, 1)`)
  db.close()
  const { code, stdout } = await runCli(['migrate'], { MINIPAY_DATABASE: file })
  assert.equal(code, 0)
  assert.deepEqual(
    stdout.match(/(?<=applying ).*(?= …)/g),
    missing.map(({ name }) => name),
  )
  assert.match(stdout, /A server that uses it sums older transfers in the background/)
})
