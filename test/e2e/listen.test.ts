/** `minipay listen` and `minipay trigger`, as a developer runs them. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { AUTHORITY, KEY, VALID } from '../kit/certificates.ts'
import { client, type Event, eventsAfter } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { startNode } from '../kit/nodes.ts'
import { type Receiver, startReceiver } from '../kit/receiver.ts'
import { CLI, runCli, serve } from '../kit/server.ts'
import { onLoopback } from '../kit/sockets.ts'
import { until } from '../kit/until.ts'

type Running = { readonly process: ChildProcess; output(): string; readonly ended: Promise<number | null> }

/** `minipay listen`; resolves when it is connected. */
async function listening(
  t: TestContext,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Running> {
  const child = spawn(process.execPath, [CLI, 'listen', ...args], { env: { ...process.env, ...env } })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  atEnd(t, async () => {
    child.kill()
    await ended
  })
  const running = { process: child, output: () => output, ended }
  await until('it listens', () => output.includes('signing secret') || child.exitCode !== null)
  return running
}

async function receiving(t: TestContext, answer?: Parameters<typeof startReceiver>[0]): Promise<Receiver> {
  const receiver = await startReceiver(answer)
  atEnd(t, receiver.close)
  return receiver
}

test('a developer gets each triggered event once, signed, as the list has it, with a line for each', async (t) => {
  const server = await serve(t, join(folderOf(t), 'minipay.db'))
  const env = { MINIPAY_SERVER: server.url }
  const receiver = await receiving(t)
  const { output, process: child, ended } = await listening(t, ['--forward-to', receiver.url], env)
  const types = [
    ...['payment.succeeded', 'payment.failed', 'payment.refunded'],
    ...['payment.authorized', 'payment.canceled'],
  ]
  for (const type of types) {
    const { code, stdout, stderr } = await runCli(['trigger', type], env)
    assert.equal(code, 0, stderr)
    assert.match(stdout, new RegExp(`^${type}  evt_\\w+  txn_\\w+\\n$`))
  }
  const stored = await eventsAfter(client(server.url))
  await receiver.waitFor(stored.length)
  const secret = /signing secret is (whsec_\S+)/.exec(output())?.[1] ?? assert.fail(output())
  const got = receiver.received.map(({ headers, body }) => {
    assert.equal(headers['x-webhook-event'], (JSON.parse(body) as Event).type)
    return new Webhook(secret).verify(body, headers as Record<string, string>)
  })
  assert.deepEqual(got, stored)
  await until(
    'a line for each',
    () => (output().match(/ evt_\w+ {2}200 {2}\d+ ms/g) ?? []).length === stored.length,
  )
  child.kill('SIGINT')
  assert.equal(await ended, 0)
})

test('it resumes after the server was killed, and misses nothing', async (t) => {
  const node = await startNode(join(folderOf(t), 'minipay.db'))
  atEnd(t, node.kill)
  const api = client(node.url)
  const receiver = await receiving(t)
  const args = [
    '--forward-to',
    receiver.url.replace('http://', ''),
    '--events',
    'payment.succeeded',
    '--after',
    '0',
  ]
  const { output } = await listening(t, args, { MINIPAY_SERVER: node.url })
  await api.charge()
  await receiver.waitFor(1)
  for (let i = 2; i <= 3; i++) {
    await node.kill()
    await node.start()
    await api.refund((await api.charge()).id)
    await receiver.waitFor(i)
  }
  const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
  const stored = (await eventsAfter(api)).filter(({ type }) => type === 'payment.succeeded')
  assert.deepEqual(
    ids,
    stored.map(({ id }) => id),
  )
  await until('it says so', () => output().includes('Connected again'))
})

test('it reaches a server behind TLS, such as a proxy', async (t) => {
  const folder = folderOf(t)
  const server = await serve(t, join(folder, 'minipay.db'))
  const proxy = createServer({ key: KEY, cert: VALID }, (incoming, outgoing) => {
    const { method, url, headers } = incoming
    const passed = request(server.url + url, { method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    outgoing.on('close', () => passed.destroy())
    incoming.pipe(passed)
  })
  const { port, close } = await onLoopback(proxy)
  atEnd(t, close)
  const authority = join(folder, 'authority.pem')
  writeFileSync(authority, AUTHORITY)
  const receiver = await receiving(t)
  const env = { MINIPAY_SERVER: `https://localhost:${port}`, NODE_EXTRA_CA_CERTS: authority }
  await listening(t, ['--forward-to', receiver.url], env)
  await client(server.url).charge()
  await receiver.waitFor(1)
})

test('the line of an event says that the receiver refused or is down, and the next event comes', async (t) => {
  const server = await serve(t, join(folderOf(t), 'minipay.db'))
  let status = 500
  const receiver = await receiving(t, (_, response) => {
    response.statusCode = status
    response.end()
  })
  const secret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
  const args = ['--forward-to', receiver.url, '--secret', secret]
  const { output } = await listening(t, args, { MINIPAY_SERVER: server.url })
  assert.ok(output().includes(secret))
  await client(server.url).charge()
  await until('it fails', () => output().includes('500 (a failure)'))
  status = 302
  await client(server.url).charge()
  await until('a redirect is not followed', () => output().includes('302 (a failure)'))
  await receiver.close()
  await client(server.url).charge()
  await until('it is down', () => output().includes('failed: ECONNREFUSED'))
})

test('wrong flags, a wrong key and a server that is not there end with a sentence', async (t) => {
  const database = join(folderOf(t), 'minipay.db')
  const keys = await inDatabase(database, async ({ key }) => ({
    test: (await key()).secret,
    live: (await key({ mode: 'live' })).secret,
  }))
  const server = await serve(t, database)
  const env = { MINIPAY_SERVER: server.url }
  const to = ['--forward-to', 'http://127.0.0.1:9/hooks']
  for (const [args, code, says, settings] of [
    [['listen'], 2, /--forward-to http/, env],
    [['listen', '--forward-to', 'ftp://a'], 2, /--forward-to http/, env],
    [['listen', ...to, '--secret', 'short'], 2, /--secret must be whsec_/, env],
    [['listen', ...to, '--after', 'evt_1'], 2, /--after must be the sequence/, env],
    [['listen', ...to], 1, /requires an API key/, env],
    [['listen', ...to, '--events', 'pay'], 1, /no event type/, { ...env, MINIPAY_KEY: keys.test }],
    [['listen', ...to], 1, /Is minipay serve running/, { MINIPAY_SERVER: 'http://127.0.0.1:9' }],
    [['trigger'], 2, /minipay trigger --list/, env],
    [['trigger', 'payment.refund'], 2, /no event type "payment.refund".*payment.refunded/, env],
    [['trigger', 'dispute.opened'], 2, /cannot make dispute.opened/, env],
    [['trigger', 'payment.refunded'], 2, /test mode/, { ...env, MINIPAY_KEY: keys.live }],
  ] as const) {
    const result = await runCli([...args], settings)
    assert.deepEqual([result.code, says.test(result.stderr)], [code, true], `${args}: ${result.stderr}`)
  }
  const live = await client(server.url, bearer(keys.live)).get<{ data: object[] }>('/api/v1/events')
  assert.deepEqual(live.body.data, [])
  const { code, stdout } = await runCli(['trigger', '--list'])
  assert.equal(code, 0)
  assert.match(stdout, /payment\.refunded +charges 25\.00 usd and refunds it/)
})
