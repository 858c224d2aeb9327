import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startNameServer } from '../../../test/kit/dns-server.ts'
import { atEnd, type Ends } from '../../../test/kit/folders.ts'
import { healthy } from '../../../test/kit/receivers.ts'
import { createEgress } from '../../net/egress.ts'
import { createResolveName, type ResolveName } from '../../net/resolve-name.ts'
import type { TargetPolicy } from '../../net/target-policy.ts'
import { nodeRuntime } from '../../runtime/node.ts'
import { createWebhookClients } from './client.ts'

const MESSAGE = { headers: {}, body: '{"id":"evt_1"}' }
const FORBIDDEN = { kind: 'no_answer', error: 'the address of the receiver is not allowed' }
const isLinux = process.platform === 'linux'

const endsOf = (t: TestContext): Ends => ({ add: (step) => atEnd(t, step) })

function policy(settings: Partial<TargetPolicy> = {}): TargetPolicy {
  return { allowed: createEgress(), local: false, ports: null, ...settings }
}

function client(t: TestContext, url: string, rule: TargetPolicy, resolveName?: ResolveName, id = 'we_1') {
  const clients = createWebhookClients({
    ...{ operator: createEgress(), policy: rule, connections: 4, runtime: nodeRuntime },
    ...(resolveName && { resolveName }),
  })
  atEnd(t, clients.destroy)
  return clients.of({ id, url })
}

/** Answers with these addresses, one list for each lookup; the last one again and again. */
function answers(...lists: string[][]): ResolveName & { count: number } {
  const resolveName = async () => {
    const list = lists[Math.min(resolveName.count++, lists.length - 1)] ?? []
    return list.map((address) => ({ address, family: isIP(address) }))
  }
  resolveName.count = 0
  return resolveName
}

/** A receiver on another address of loopback, which takes the part of a public one. */
async function receiverAt(
  t: TestContext,
  address: string,
  port = 0,
): Promise<{ port: number; count(): number }> {
  let count = 0
  const server = createServer((_request, response) => {
    count++
    // Each attempt has a new connection.
    response.writeHead(200, { connection: 'close' }).end()
  })
  await new Promise<void>((resolve) => server.listen(port, address, resolve))
  atEnd(t, () => server.close())
  return { port: (server.address() as AddressInfo).port, count: () => count }
}

/** Every address of the test is loopback, so one of them is allowed as if it were public, with plain http. */
const PUBLIC = '127.0.0.2'
const REBINDING = { ...policy({ allowed: createEgress([PUBLIC]) }), local: false }

test('a stored URL that the policy no longer allows is not sent to, and the attempt says why', async (t) => {
  const { url, count } = await healthy(endsOf(t))
  const made = client(t, url, policy())
  assert.deepEqual(await made.send(MESSAGE), {
    kind: 'no_answer',
    error:
      'not sent: The URL must begin with https://. The operator of the server can allow http:// with --local-targets.',
  })
  assert.equal(made.host, new URL(url).host)
  assert.equal(count(), 0)
})

test('a name with any forbidden address is not connected to', async (t) => {
  const { port, count } = await receiverAt(t, '127.0.0.1')
  for (const addresses of [
    ['127.0.0.1', '10.0.0.1'],
    ['127.0.0.1', '169.254.169.254'],
    ['::1', '127.0.0.1', '::ffff:127.0.0.1'],
    ['127.0.0.1', '0.0.0.0'],
  ]) {
    const made = client(t, `http://shop.example:${port}/`, policy({ local: true }), answers(addresses))
    assert.deepEqual(await made.send(MESSAGE), FORBIDDEN, addresses.join())
  }
  assert.equal(count(), 0)
  const made = client(t, `http://shop.example:${port}/`, policy({ local: true }), answers(['127.0.0.1']))
  assert.equal((await made.send(MESSAGE)).kind, 'response')
})

test('the connection goes to the address that was checked: the name is resolved once for it', async (t) => {
  const { port, count } = await receiverAt(t, '127.0.0.1')
  const resolveName = answers(['127.0.0.1'], ['10.0.0.1'])
  const made = client(t, `http://shop.example:${port}/`, policy({ local: true }), resolveName)
  assert.equal((await made.send(MESSAGE)).kind, 'response')
  assert.deepEqual([resolveName.count, count()], [1, 1])
  assert.deepEqual(await made.send(MESSAGE), FORBIDDEN)
  assert.deepEqual([resolveName.count, count()], [2, 1])
})

test('a name of a real name server that changes to loopback is refused at the next connection', {
  skip: isLinux ? false : 'only Linux has all of 127.0.0.0/8 on loopback',
}, async (t) => {
  const first = await receiverAt(t, PUBLIC)
  const second = await receiverAt(t, '127.0.0.1', first.port)
  const server = await startNameServer(endsOf(t), (_name, before) => [before === 0 ? PUBLIC : '127.0.0.1'])
  const resolveName = createResolveName({ servers: [server.address] })
  const made = client(t, `https://rebinding.example:${first.port}/`, REBINDING, resolveName)
  // Plain http is not allowed here, so the first attempt ends with a handshake at the receiver.
  assert.deepEqual(await made.send(MESSAGE), {
    kind: 'no_answer',
    error: 'TLS: the receiver does not speak TLS on this port',
  })
  assert.deepEqual(await made.send(MESSAGE), FORBIDDEN)
  assert.deepEqual([server.asked.length, second.count()], [2, 0])
})

test('the socket is checked, too, as a second line', async (t) => {
  const { port, count } = await receiverAt(t, '127.0.0.1')
  // This rule forbids loopback only when it is asked again.
  let checks = 0
  const operator = { forbids: (address: string) => address === '127.0.0.1' && ++checks > 1 }
  const resolveName = answers(['127.0.0.1'])
  const clients = createWebhookClients({
    ...{ operator, policy: policy(), connections: 1, runtime: nodeRuntime, resolveName },
  })
  atEnd(t, clients.destroy)
  const made = clients.of({ id: 'default', url: `http://shop.example:${port}/` })
  assert.deepEqual(await made.send(MESSAGE), FORBIDDEN)
  assert.deepEqual([checks, count()], [2, 0])
})

test('the endpoint of the setting may be on loopback and private networks, but not at metadata', async (t) => {
  const { url } = await healthy(endsOf(t))
  assert.equal((await client(t, url, policy(), undefined, 'default').send(MESSAGE)).kind, 'response')
  for (const target of [
    ...['http://169.254.169.254/latest/meta-data', 'http://0xa9fea9fe/', 'http://2852039166/', 'http://0/'],
    ...['http://[::ffff:169.254.169.254]/', 'http://[fd00:ec2::254]/'],
  ]) {
    const attempt = await client(t, target, policy(), undefined, 'default').send(MESSAGE)
    assert.ok(
      attempt.kind === 'no_answer' && /^not sent: The address .* is not allowed\.$/.test(attempt.error),
    )
  }
})

test('a proxy of the environment is not used', async (t) => {
  const proxy = await healthy(endsOf(t))
  const { url } = await healthy(endsOf(t))
  const former = { ...process.env }
  t.after(() => (process.env = former))
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'])
    process.env[name] = proxy.url
  process.env['NODE_USE_ENV_PROXY'] = '1'
  assert.equal((await client(t, url, policy({ local: true })).send(MESSAGE)).kind, 'response')
  assert.equal(proxy.count(), 0)
})
