/** The log names the bound address as a URL that can be opened, for each form of the setting. */
import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type TempDir, tempDir } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { startServer } from '../kit/server.ts'

let dir: TempDir
before(() => {
  dir = tempDir()
})
after(() => dir.remove())

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
)
/** What `--host` says, and the host of each address that is bound then. */
const HOSTS: readonly (readonly [string, RegExp])[] = [
  ['127.0.0.1', /^127\.0\.0\.1:\d+$/],
  ['0.0.0.0', /^0\.0\.0\.0:\d+$/],
  ['localhost', /^(127\.0\.0\.1|\[::1\]):\d+$/],
  ...(hasIPv6
    ? ([
        ['::', /^\[::\]:\d+$/],
        ['::1', /^\[::1\]:\d+$/],
      ] as const)
    : []),
]

for (const [host, expected] of HOSTS)
  test(`with the host ${host} and port 0 the log has a URL that answers, and what is bound`, async (t) => {
    const server = await startServer(join(dir.path, `${host.replaceAll(/\W/g, '_')}.db`), {
      MINIPAY_HOST: host,
    })
    t.after(() => server.kill())
    const line = server
      .output()
      .split('\n')
      .find((each) => each.includes('"bound"'))
    const { address, bound } = JSON.parse(line ?? '{}')
    assert.ok(bound.length > 0)
    for (const each of bound) assert.match(each, expected)
    const { port } = new URL(address)
    for (const each of bound) assert.ok(each.endsWith(`:${port}`), each)
    assert.equal((await call(address, 'GET', '/health')).status, 200)
    await server.stop()
  })
