import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { chargeCommit } from '../../../test/kit/commits.ts'
import { drawsFrom } from '../../../test/kit/draws.ts'
import { atEnd, folderOf } from '../../../test/kit/folders.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import { CHARGES } from '../columns.ts'
import { messageOf } from './commit-message.ts'
import type { Connection } from './connection.ts'
import { foldLongTail } from './fold-keys.ts'
import { capacityOf } from './folding.ts'
import { indexState, keyIndex } from './key-index.ts'
import { type KeyMemory, keyMemory } from './key-table.ts'
import { migrate } from './migrate.ts'
import { openReader, openWriter } from './open.ts'
import { keyReads } from './read-keys.ts'
import { createStatements } from './read-page.ts'
import { tailMemory } from './tails.ts'
import { keyIndexProblem, showKeyPlaces } from './verify-keys.ts'
import { keyWrites } from './write-keys.ts'
import { createWriter } from './writer.ts'

function database(t: TestContext): { db: Connection; file: string } {
  const file = join(folderOf(t), 'keys.db')
  const db = openWriter(file)
  atEnd(t, () => db.close())
  migrate(db)
  db.pragma('synchronous = OFF')
  return { db, file }
}

/** The problem that `verify` reports of the index. */
function problemIn(db: Connection): string | undefined {
  const hide = showKeyPlaces(db)
  try {
    return keyIndexProblem(db)
  } finally {
    hide()
  }
}

/** A copy in memory. */
function copyOf(db: Connection): Connection {
  const bytes = db.serialize()
  // A database in memory has no write-ahead log: https://www.sqlite.org/fileformat2.html, bytes 18 and 19.
  bytes[18] = bytes[19] = 1
  return new Database(bytes)
}

const INSERT = `INSERT INTO idempotency_keys (account_id, live, key, fingerprint, ending, event_seq, created_at)
  VALUES (1, ?, ?, '', 'created', 1, 1)`

/** A writer of keys alone, beside a reader on its own connection. */
function keysOf(db: Connection, file: string, memory: KeyMemory) {
  const index = keyIndex(db, memory)
  const reader = openReader(file)
  const find = keyReads(createStatements(reader), { keys: memory })
  const insert = db.prepare(INSERT)
  return {
    /** False if the key exists. */
    add(live: number, key: string): boolean {
      const hash = index.hash(1, live, key)
      if (index.find(hash, 1, live, key) !== undefined) return false
      index.add(hash, Number(insert.run(live, key).lastInsertRowid))
      return true
    },
    begin: () => db.exec('BEGIN IMMEDIATE'),
    commit() {
      index.flush()
      db.exec('COMMIT')
      index.committed()
    },
    rollback(isFlushed: boolean) {
      if (isFlushed) index.flush()
      db.exec('ROLLBACK')
      index.reset()
    },
    isRead: (live: number, key: string) => find(1, live, key) !== undefined,
    close: () => reader.close(),
  }
}

test('every key is found once it is committed, and no other, through folds, rollbacks, purges and crashes', (t) => {
  const { db, file } = database(t)
  const draw = drawsFrom(11)
  const purge = keyWrites.purgeIdempotency(db)
  const committed = new Set<string>()
  let folds = 0
  let sweeps = 0
  let keys = keysOf(db, file, keyMemory(8))
  const both = [0, 1] as const
  const check = () => {
    for (let i = 0; i < 40; i++) {
      const key = `key-${draw.between(0, 1_500)}`
      for (const live of both) assert.equal(keys.isRead(live, key), committed.has(`${live}/${key}`), key)
    }
  }
  for (let group = 0; group < 300; group++) {
    const before = indexState(db)
    const added = new Set<string>()
    keys.begin()
    for (let i = draw.between(1, 12); i > 0; i--) {
      const [live, key] = [draw.of(both), `key-${draw.between(0, 1_500)}`]
      const name = `${live}/${key}`
      assert.equal(keys.add(live, key), !committed.has(name) && !added.has(name), name)
      added.add(name)
    }
    // The reader sees none of it.
    check()
    if (draw.chance(0.15)) keys.rollback(draw.chance(0.5))
    else {
      keys.commit()
      for (const name of added) committed.add(name)
    }
    if (draw.chance(0.5)) {
      const limit = draw.between(1, 14)
      const oldest = db
        .prepare(
          'SELECT live, key FROM idempotency_keys WHERE seq < (SELECT max(seq) FROM idempotency_keys) ORDER BY seq LIMIT ?',
        )
        .all(limit) as { live: number; key: string }[]
      assert.equal(purge(Number.MAX_SAFE_INTEGER, limit), oldest.length)
      for (const { live, key } of oldest) committed.delete(`${live}/${key}`)
    }
    check()
    const after = indexState(db)
    if (after.foldedTo > before.foldedTo) folds++
    if (after.sweptTo > before.sweptTo) sweeps++
    // A crash now would leave this.
    assert.equal(problemIn(db), undefined)
    if (draw.chance(0.1)) {
      // A restart: the memory is lost.
      keys.close()
      keys = keysOf(db, file, keyMemory(8))
      check()
    }
  }
  assert.ok(folds > 40 && sweeps > 10, `${folds} folds, ${sweeps} sweeps`)
  const left = db.prepare('SELECT count(*) FROM key_index').pluck().get() as number
  assert.ok(left < 2 * committed.size + 64, `${left} entries of ${committed.size} keys`)
  keys.close()
})

test('two requests with one key in one group, or around a fold, make one charge; a rolled back key is free', (t) => {
  const { db } = database(t)
  const writer = createWriter(db, () => true, tailMemory(4))
  const commit = (key: string, amount = 100) =>
    ['commit', messageOf(chargeCommit({ scope: LIVE_SCOPE, key, amount }))] as const
  const kinds = (results: unknown[]) =>
    results.map((result) => (result === null ? 'committed' : (result as { kind?: string }).kind))
  assert.deepEqual(kinds(writer.run([commit('a'), commit('b'), commit('a')])), [
    'committed',
    'committed',
    'key_exists',
  ])
  const broken = commit('c')
  ;(broken[1].charge as unknown[])[CHARGES.at.amount] = -1
  const results = kinds(writer.run([commit('d'), broken, commit('d')]))
  assert.deepEqual(results, ['committed', undefined, 'key_exists'])
  assert.deepEqual(kinds(writer.run([commit('c')])), ['committed'])
  for (let i = 0; i < 60; i++) {
    assert.deepEqual(kinds(writer.run([commit(`key-${i}`)])), ['committed'])
    assert.deepEqual(kinds(writer.run([commit('a'), commit(`key-${i}`), commit('c')])), [
      'key_exists',
      'key_exists',
      'key_exists',
    ])
  }
  assert.ok(indexState(db).foldedTo > 40)
  assert.equal(problemIn(db), undefined)
})

test('keys of equal hashes are told apart by their text', (t) => {
  const { db, file } = database(t)
  const keys = keysOf(db, file, keyMemory(8))
  keys.begin()
  for (let i = 0; i < 40; i++) assert.ok(keys.add(1, `key-${i}`))
  keys.commit()
  const seqOf = (key: string) => db.prepare('SELECT seq FROM idempotency_keys WHERE key = ?').pluck().get(key)
  const { low, high } = indexState(db)
  const index = keyIndex(db, keyMemory(100))
  const hash = index.hash(1, 1, 'key-7')
  assert.ok(Number.isInteger(low) && Number.isInteger(high))
  // The hash of one key with another's text.
  assert.equal(index.find(hash, 1, 1, 'key-7'), seqOf('key-7'))
  assert.equal(index.find(hash, 1, 1, 'key-8'), undefined)
  db.prepare('INSERT INTO key_index VALUES (?, ?)').run(hash, seqOf('key-8') as number)
  assert.equal(index.find(hash, 1, 1, 'key-8'), seqOf('key-8'))
  assert.equal(index.find(hash, 1, 1, 'key-7'), seqOf('key-7'))
  keys.close()
})

test('a table never takes more keys than it has room for', (t) => {
  const { db, file } = database(t)
  const keys = keysOf(db, file, keyMemory(8))
  keys.begin()
  for (let i = 0; i < capacityOf(8); i++) keys.add(1, `key-${i}`)
  assert.throws(() => keys.add(1, 'one more'), /table of idempotency keys is full/)
  keys.rollback(false)
  keys.begin()
  assert.ok(keys.add(1, 'key-0'))
  keys.commit()
  keys.close()
})

const MANY = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
  INSERT INTO idempotency_keys (account_id, live, key, fingerprint, ending, event_seq, created_at)
  SELECT 1, 1, 'key-' || i, '', 'created', 1, 1 FROM n`

test('a long tail is folded at the start, and a process that is killed in the middle continues', async (t) => {
  const { db, file } = database(t)
  const count = 30_000
  db.prepare(MANY).run(count)
  const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href)
  const program = `
    const { openWriter } = await import(${module('./open.ts')})
    const { foldLongTail } = await import(${module('./fold-keys.ts')})
    let folds = 0
    foldLongTail(openWriter(${JSON.stringify(file)}), () => ++folds === 2 && process.kill(process.pid, 'SIGKILL'), { long: 10_000, chunk: 5_000 })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
  assert.equal(indexState(db).foldedTo, 10_000)
  assert.equal(problemIn(db), undefined)
  const told: [number, number][] = []
  foldLongTail(db, (_, ...progress) => void told.push(progress), { long: 10_000, chunk: 15_000 })
  assert.deepEqual(told, [
    [25_000, count],
    [count, count],
  ])
  assert.equal(indexState(db).foldedTo, count)
  assert.equal(problemIn(db), undefined)
  foldLongTail(db, () => assert.fail('Nothing is left to fold.'), { long: 0 })
})

test('keys are found after somebody deleted the newest records, whose numbers new ones get', (t) => {
  const { db, file } = database(t)
  const addAll = (keys: ReturnType<typeof keysOf>, from: number, to: number) => {
    for (let i = from; i < to; i++) {
      keys.begin()
      assert.ok(keys.add(1, `key-${i}`))
      keys.commit()
    }
    keys.close()
  }
  addAll(keysOf(db, file, keyMemory(8)), 0, 60)
  assert.ok(indexState(db).foldedTo > 30)
  for (const left of [20, 0]) {
    db.prepare('DELETE FROM idempotency_keys WHERE seq > ?').run(left)
    migrate(db)
    addAll(keysOf(db, file, keyMemory(8)), 100 + left, 107 + left)
    // A restart loads only what is behind the mark.
    const keys = keysOf(db, file, keyMemory(8))
    for (const [key, isThere] of [
      [`key-${100 + left}`, true],
      [`key-${left - 1}`, left > 0],
      ['key-40', false],
    ] as const)
      assert.equal(keys.isRead(1, key), isThere, key)
    keys.close()
    assert.equal(problemIn(db), undefined)
  }
})

test('verify finds a record that the index lacks, an entry of no record, and two records with one key', (t) => {
  const { db, file } = database(t)
  const keys = keysOf(db, file, keyMemory(4))
  for (let i = 0; i < 12; i++) {
    keys.begin()
    keys.add(1, `key-${i}`)
    keys.commit()
  }
  keys.close()
  assert.ok(indexState(db).foldedTo >= 4 && indexState(db).foldedTo < 12)
  const problemAfter = (sql: string) => {
    const changed = copyOf(db)
    changed.exec(sql)
    const problem = problemIn(changed)
    changed.close()
    return problem
  }
  assert.equal(problemAfter(''), undefined)
  assert.equal(
    problemAfter('DELETE FROM key_index WHERE seq = 2'),
    'The idempotency record 2 is not in the index of keys.',
  )
  const stray = (seq: number) =>
    `The index of keys has an entry of the idempotency record ${seq}, which does not have its key.`
  assert.equal(problemAfter('INSERT INTO key_index VALUES (1, 99)'), stray(99))
  assert.equal(
    problemAfter('INSERT INTO key_index SELECT hash + 1, seq FROM key_index WHERE seq = 3'),
    stray(3),
  )
  assert.equal(problemAfter('DELETE FROM idempotency_keys WHERE seq = 1'), stray(1))
  const columns = db
    .prepare('SELECT name FROM pragma_table_info(?)')
    .pluck()
    .all('idempotency_keys') as string[]
  const copied = columns.map((name) => (name === 'seq' ? '13' : name)).join()
  const twin = (seq: number) =>
    `INSERT INTO idempotency_keys SELECT ${copied} FROM idempotency_keys WHERE seq = ${seq}`
  for (const seq of [1, 12])
    assert.equal(problemAfter(twin(seq)), 'The idempotency record 13 has the key of another.')
})
