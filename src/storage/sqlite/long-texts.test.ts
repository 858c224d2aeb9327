import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { beginCommit, chargeCommit, endCommit, refundCommit, succeeded } from '../../../test/kit/commits.ts'
import { tempDir } from '../../../test/kit/folders.ts'
import { LIVE_SCOPE } from '../../../test/kit/scopes.ts'
import type { Metadata } from '../../domain/charge.ts'
import type { Commit } from '../../ports/store.ts'
import { messageOf } from './commit-message.ts'
import type { Connection } from './connection.ts'
import { migrate } from './migrate.ts'
import { openWriter } from './open.ts'
import { createWriter } from './writer.ts'

const scope = LIVE_SCOPE
const CHARGES = 500

/** Metadata of so many bytes of JSON. */
function metadataOf(bytes: number, values = 500): Metadata {
  const metadata: Record<string, string> = {}
  for (let rest = bytes - 2; rest > 0; ) {
    const key = `key_${Object.keys(metadata).length}`.padEnd(8, '_')
    const around = key.length + '"":"",'.length
    metadata[key] = 'v'.repeat(Math.max(0, Math.min(values, rest - around)))
    rest -= around + values
  }
  return metadata
}

type Writing = {
  readonly db: Connection
  write(commits: readonly Commit[]): void
  bytes(): number
  texts(): number
}

function writing(t: TestContext): Writing {
  const folder = tempDir()
  const db = openWriter(join(folder.path, 'test.db'))
  t.after(() => {
    db.close()
    folder.remove()
  })
  migrate(db)
  // Nothing here has to outlive a power cut.
  db.pragma('synchronous = OFF')
  const writer = createWriter(db)
  return {
    db,
    write(commits) {
      for (const result of writer.run(commits.map((commit) => ['commit', messageOf(commit)] as const)))
        assert.equal(result, null)
    },
    bytes: () =>
      (db.pragma('page_count', { simple: true }) as number) *
      (db.pragma('page_size', { simple: true }) as number),
    texts: () => db.prepare('SELECT count(*) FROM long_texts').pluck().get() as number,
  }
}

/** How many bytes each of these commits adds to a database, when many are made. */
function cost(t: TestContext, make: (w: Writing) => void, times = CHARGES): number {
  const writes = writing(t)
  make(writes)
  const before = writes.bytes()
  for (let i = 0; i < times; i++) make(writes)
  return (writes.bytes() - before) / times
}

const oneStep = (details: Partial<Parameters<typeof chargeCommit>[0]>) => (w: Writing) =>
  w.write([chargeCommit({ scope, ...details })])

const COSTS: readonly [what: string, make: (w: Writing) => void, most: number][] = [
  ['an ordinary charge', oneStep({ metadata: { order: '1234' } }), 1_500],
  ['a charge with 400 bytes of metadata', oneStep({ metadata: metadataOf(400) }), 2_100],
  ['a charge with a thousand bytes of metadata', oneStep({ metadata: metadataOf(1_000) }), 3_000],
  ['a charge with 1 KiB of metadata in many pairs', oneStep({ metadata: metadataOf(1_024, 20) }), 3_000],
  [
    'a charge with a description of a thousand characters',
    oneStep({ description: 'd'.repeat(1_000) }),
    3_000,
  ],
  [
    'a declined charge with 1 KiB of metadata',
    oneStep({ declined: true, metadata: metadataOf(1_024) }),
    3_500,
  ],
  ['a charge with 5,000 bytes of metadata', oneStep({ metadata: metadataOf(5_000) }), 7_000],
  ['a charge with 27,000 bytes of metadata', oneStep({ metadata: metadataOf(27_000) }), 31_000],
  [
    'a charge with 1 KiB of metadata that waited for its provider',
    (w) => {
      const begun = beginCommit({ scope, metadata: metadataOf(1_024) })
      const ended = endCommit(begun, succeeded(begun.attempt, `pay_${begun.charge.id}`), { scope })
      w.write([begun.commit])
      w.write([ended])
    },
    3_600,
  ],
]
for (const [what, make, most] of COSTS)
  test(`${what} costs at most ${most.toLocaleString('en')} bytes`, (t) => {
    const bytes = cost(t, make, most > 5_000 ? CHARGES / 5 : CHARGES)
    assert.ok(bytes <= most, `${bytes} bytes`)
  })

test('a refund costs less than a page, also of a charge with 1 KiB of metadata', (t) => {
  for (const details of [{}, { metadata: metadataOf(1_024) }]) {
    const writes = writing(t)
    const charges = Array.from({ length: CHARGES }, () => chargeCommit({ scope, ...details }))
    writes.write(charges)
    const before = writes.bytes()
    writes.write(charges.map(({ charge }) => refundCommit(charge, { scope, amount: 300 })))
    const bytes = (writes.bytes() - before) / CHARGES
    assert.ok(bytes < 3_600, `${bytes} bytes`)
  }
})

test('an ordinary charge has no text of its own, and a long one has one for all its events', (t) => {
  const writes = writing(t)
  writes.write([chargeCommit({ scope, metadata: { order: '1234', customer: 'x'.repeat(200) } })])
  assert.equal(writes.texts(), 0)
  const long = { scope, description: null, metadata: metadataOf(1_000) }
  writes.write([chargeCommit(long)])
  assert.equal(writes.texts(), 1)
  const begun = beginCommit({ ...long, capture: false })
  writes.write([begun.commit])
  assert.equal(writes.texts(), 2)
  writes.write([endCommit(begun, succeeded(begun.attempt, 'pay'), { scope })])
  assert.equal(writes.texts(), 2)
})
