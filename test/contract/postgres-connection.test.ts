import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '../../src/storage/postgres/connection.ts'
import { meaningOf } from '../../src/storage/postgres/errors.ts'
import { hostsOf } from '../../src/storage/postgres/hosts.ts'
import { postgresServer } from '../postgres.ts'

const NAMES = 'SELECT name FROM pg_prepared_statements'

test('no two connections prepare statements under one name, whoever comes to share their sessions', async () => {
  const server = await postgresServer()
  const connections = await Promise.all([1, 2].map(() => connect(hostsOf(server.url))))
  try {
    const names = await Promise.all(
      connections.map(async ({ run }) => {
        const results = await run([{ text: 'BEGIN' }, { text: 'COMMIT' }, { text: NAMES }])
        return results[2]?.rows.map(({ name }) => name) ?? []
      }),
    )
    assert.deepEqual(
      names.map((each) => each.length),
      [3, 3],
    )
    assert.equal(new Set(names.flat()).size, 6)
  } finally {
    await Promise.all(connections.map((connection) => connection.close()))
    await server.remove()
  }
})

test('a commit whose end the server does not know is asked about, and never made again unseen', () => {
  const error = Object.assign(new Error('the result is ambiguous'), { code: '40003' })
  assert.equal(meaningOf(error), 'lost')
})
