import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../../../test/kit/folders.ts'
import { watch } from '../../../test/kit/prepared-texts.ts'
import type { Connection } from './connection.ts'
import { migrate, migrations } from './migrate.ts'
import { openWriter } from './open.ts'
import { createWriter } from './writer.ts'

/** The schema before lists in rules became alternatives of two values. */
const BEFORE = 36

type Values = Readonly<Record<string, string | number | null>>

const SCOPE = { account_id: 1, live: 1 }
/** A row that every rule accepts, and the columns whose values are from a list. */
const TABLES: Readonly<Record<string, { row: Values; lists: Readonly<Record<string, readonly string[]>> }>> =
  {
    attempts: {
      row: {
        ...{
          ...SCOPE,
          id: 'att_1',
          transaction_id: 'txn_1',
          kind: 'authorize',
          provider: 'bank_a',
          state: 'sending',
        },
        ...{ amount: 1, currency: 'usd', idempotency_key: 'k', started_at: 1, lookups: 0, unknown_since: 1 },
      },
      lists: {
        kind: ['authorize', 'capture', 'cancel', 'refund'],
        state: ['sending', 'pending', 'unknown', 'succeeded', 'declined', 'not_sent'],
      },
    },
    hourly_statistics: {
      row: {
        ...{
          ...SCOPE,
          hour: 1,
          provider: 'bank_a',
          currency: 'usd',
          kind: 'sale',
          state: 'pending',
          decline_code: '',
        },
        ...{ calls: 1, amount_high: 0, amount_low: 1 },
      },
      lists: {
        kind: ['sale', 'authorize', 'capture', 'cancel', 'refund'],
        state: ['pending', 'unknown', 'succeeded', 'declined', 'not_sent'],
      },
    },
    webhook_deliveries: {
      row: {
        ...{
          ...SCOPE,
          id: 'dlv_1',
          endpoint: 'default',
          event_seq: 1,
          event_id: 'evt_1',
          event_type: 'charge.created',
        },
        ...{ state: 'pending', attempts: 0, revision: 0, tries: '[]', created_at: 1 },
      },
      lists: { state: ['pending', 'delivered', 'failed'] },
    },
  }

function atSchema(use: (db: Connection) => void, version = migrations().length): void {
  const folder = tempDir()
  const db = openWriter(join(folder.path, 'a.db'))
  migrate(db, migrations().slice(0, version))
  try {
    use(db)
  } finally {
    db.close()
    folder.remove()
  }
}

/** A delivery's time of its end belongs to its state. */
const settled = (row: Values): Values =>
  'tries' in row ? { ...row, settled_at: row['state'] === 'pending' ? null : 1 } : row

function insert(db: Connection, table: string, row: Values): void {
  const names = Object.keys(row)
  db.prepare(
    `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`,
  ).run(row)
}

/** Its rows are those of the lists; an endpoint that does not exist is another rule. */
const withoutReferences = (db: Connection) => db.pragma('foreign_keys = OFF')

for (const [table, { row, lists }] of Object.entries(TABLES))
  for (const [column, values] of Object.entries(lists)) {
    test(`${table}.${column} takes the values of its list, and no other`, () => {
      atSchema((db) => {
        withoutReferences(db)
        for (const value of values) {
          insert(db, table, settled({ ...row, [column]: value }))
          db.prepare(`DELETE FROM ${table}`).run()
        }
        for (const value of ['', 'other', values[0]?.toUpperCase() ?? ''])
          assert.throws(
            () => insert(db, table, settled({ ...row, [column]: value })),
            /CHECK constraint failed/,
            value,
          )
      })
    })

    test(`${table}.${column} keeps its rule and its rows in an upgrade`, () => {
      atSchema((db) => {
        withoutReferences(db)
        for (const [i, value] of values.entries())
          insert(db, table, settled({ ...row, ...('id' in row && { id: `x_${i}` }), [column]: value }))
        const rows = () => db.prepare(`SELECT * FROM ${table}`).all()
        const before = rows()
        migrate(db)
        assert.deepEqual(rows(), before)
        assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
        assert.throws(
          () => insert(db, table, settled({ ...row, [column]: 'other' })),
          /CHECK constraint failed/,
        )
      }, BEFORE)
    })
  }

test('an upgraded schema has the text of a new one', () => {
  const text = (db: Connection) => db.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all()
  atSchema((fresh) => {
    atSchema((former) => {
      migrate(former)
      assert.deepEqual(text(former), text(fresh))
    }, BEFORE)
  })
})

test('nobody can change the text of the schema after an upgrade', () => {
  atSchema((db) => {
    db.pragma('writable_schema = ON')
    assert.throws(() => db.prepare(`UPDATE sqlite_schema SET sql = ''`).run(), /may not be modified/)
  })
})

test('no statement that writes one row of a payment makes a temporary table', () => {
  atSchema((db) => {
    const { watched, texts } = watch(db)
    createWriter(watched)
    const of =
      /^\s*(INSERT INTO|UPDATE) (charges|refunds|attempts|idempotency_keys|events|ledger_\w+|hourly_statistics|webhook_deliveries)\b/
    const single = texts.filter((text) => of.test(text) && !/SELECT|RETURNING|INDEXED BY/.test(text))
    assert.ok(single.length > 15, `${single.length}`)
    for (const text of single) {
      const values = Array(text.split('?').length - 1).fill(null)
      const steps = db.prepare(`EXPLAIN ${text}`).all(...values) as { opcode: string }[]
      assert.ok(!steps.some(({ opcode }) => opcode === 'OpenEphemeral'), text)
    }
  })
})
