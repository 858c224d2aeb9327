import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { tempDir } from '../../test/kit/folders.ts'
import { servedApi } from '../api/served-api.ts'
import { createContext } from '../app/context.ts'
import { createHealth } from '../app/health.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { openSqliteStore } from '../storage/sqlite/store.ts'
import { createServer } from './server.ts'

const unexpected = () => assert.fail('nothing of this should happen')

const STALLED = {
  head: 'POST /api/v1/charges HTTP/1.1\r\nHost: x\r\n',
  body: 'POST /api/v1/charges HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 46\r\n\r\n{"am',
}

test('a request whose head or body does not arrive in time is answered 408, and its connection closed', async (t) => {
  const folder = tempDir()
  const store = await openSqliteStore({ file: join(folder.path, 'a.db'), onFatal: unexpected })
  const log = { info: unexpected, warn: unexpected, error: unexpected }
  const context = createContext({
    store,
    providers: new Map(),
    router: {
      plan: unexpected,
      current: unexpected,
      replace: unexpected,
      reset: unexpected,
      named: unexpected,
      simulate: unexpected,
    },
    health: createHealth(() => 0),
    log,
    runtime: nodeRuntime,
    endpoints: [],
    onDeliveries: unexpected,
    onCall: unexpected,
    onAlarm: unexpected,
    idempotencyWaitMs: 0,
    actionAgeMs: 0,
    providerWaitMs: 0,
  })
  const server = await createServer({
    api: servedApi(
      {
        context,
        prometheus: unexpected,
        providerCheck: { report: unexpected, used: unexpected },
        working: () => true,
        onNotification: unexpected,
      },
      '0.0.0',
    ),
    log,
    newRequestId: () => context.newId('req'),
    keepAliveMs: 1_000,
    maxConnections: 100,
    requestTimeoutMs: 300,
    onResponse: () => {},
    onInternalError: unexpected,
    onDrop: unexpected,
    onUnavailable: unexpected,
  })
  const { port } = new URL((await server.listen('127.0.0.1', 0)).url)
  t.after(async () => {
    await server.close(0)
    await store.close()
    folder.remove()
  })
  const answers = Object.entries(STALLED).map(async ([part, bytes]) => {
    const socket = connect(Number(port), '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.write(bytes)
    await once(socket, 'close')
    assert.match(answer, /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/, part)
  })
  await Promise.all(answers)
})
