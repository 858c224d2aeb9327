import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Charge, type Client, client, type Event, type Page } from '../kit/client.ts'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

const CHARGES = 45
/** As much as one charge can hold: some 24 KB, of which a page of 256 KiB has room for ten. */
const METADATA = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`key_${i}`, 'x'.repeat(480)]))

let folder: TempDir
let server: RunningServer
let api: Client
const ids: string[] = []

before(async () => {
  folder = tempDir()
  server = await startServer(join(folder.path, 'a.db'))
  api = client(server.url)
  for (let i = 0; i < CHARGES; i++) ids.unshift((await api.charge({ metadata: METADATA })).id)
})
after(async () => {
  await server.stop()
  folder.remove()
})

test('a page that would be too long ends early, and following the cursor gives every object once', async () => {
  const seen: string[] = []
  for (let cursor = ''; ; ) {
    const { body } = await api.get<Page<Charge>>(`/api/v1/charges?limit=100${cursor}`)
    assert.ok(body.data.length > 0 && body.data.length < 15, `${body.data.length} in one page`)
    seen.push(...body.data.map(({ id }) => id))
    if (!body.has_more) break
    cursor = `&starting_after=${body.data.at(-1)?.id}`
  }
  assert.deepEqual(seen, ids)
})

test('a page before a cursor that would be too long keeps the objects next to the cursor', async () => {
  const seen: string[] = []
  for (let cursor = ids.at(-1); ; ) {
    const { body } = await api.get<Page<Charge>>(`/api/v1/charges?limit=100&ending_before=${cursor}`)
    assert.ok(body.data.length > 0 && body.data.length < 15, `${body.data.length} in one page`)
    seen.unshift(...body.data.map(({ id }) => id))
    if (!body.has_more) break
    cursor = body.data[0]?.id
  }
  assert.deepEqual(seen, ids.slice(0, -1))
})

test('a page of events that would be too long ends early, and the next follows without a gap', async () => {
  const seen: number[] = []
  for (;;) {
    const { body } = await api.get<Page<Event>>(`/api/v1/events?limit=100&after=${seen.at(-1) ?? 0}`)
    seen.push(...body.data.map(({ sequence }) => sequence))
    if (!body.has_more) break
  }
  assert.deepEqual(
    seen,
    Array.from({ length: CHARGES }, (_, i) => i + 1),
  )
})
