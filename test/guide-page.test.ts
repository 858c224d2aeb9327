/** Runs docs/guide.md and its shop as a newcomer would; then the shop with a bank that loses responses. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { call } from './kit/http.ts'
import { assertShown, blocksOf, newcomer, type Terminal } from './kit/newcomer.ts'
import { CLI, startServer } from './kit/server.ts'
import { newSecret, startSimulator } from './kit/simulator.ts'
import { freePort } from './kit/sockets.ts'

const SHOP = fileURLToPath(new URL('../docs/shop.ts', import.meta.url))
const LISTENS = /The shop is open|"address":/

const { dir, env, running, terminal, stopTerminals, startShell } = newcomer()

test('every step of the guide works and shows what the page shows', { timeout: 300_000 }, async () => {
  const [port, shopPort] = [String(await freePort()), String(await freePort())]
  const here = (text: string) =>
    text
      .replaceAll('8081', shopPort)
      .replaceAll('npm start --', `node '${CLI}' serve`)
      .replaceAll('npx node docs/shop.ts', `node '${SHOP}'`)
  const served = {
    ...env,
    PORT: port,
    WEBHOOK_TARGET: `http://localhost:${shopPort}/webhook`,
    MINIPAY_SERVER: `http://127.0.0.1:${port}`,
    SHOP_PORT: shopPort,
  }
  const run = startShell(env)
  const terminals: Terminal[] = []
  let printed = ''
  for (const { kind, text } of blocksOf('docs/guide.md')) {
    if (kind === 'console') {
      assertShown(text, printed)
      continue
    }
    if (kind === 'ts') {
      assert.ok(readFileSync(SHOP, 'utf8').includes(text), `docs/shop.ts does not contain\n${text}`)
      continue
    }
    assert.equal(kind, 'sh')
    const command = here(text)
    if (command.includes("node '")) {
      terminals.push(await terminal(command, served, LISTENS))
      continue
    }
    // "Stop MiniPay with Ctrl-C, then pay", and "Stop MiniPay and the shop with Ctrl-C".
    if (text.includes('/1003/pay')) await terminals[0]?.stop()
    if (text.startsWith('rm ')) await stopTerminals()
    const result = await run(command)
    assert.equal(result.status, 0, `${text}\n${result.printed}`)
    printed = result.printed
  }
  const shipped = terminals[1]?.output().match(/Order \d+ is paid/g)
  assert.deepEqual(shipped, ['Order 1001 is paid', 'Order 1002 is paid', 'Order 1003 is paid'])
})

test('the shop ships an order once when a response is lost, and reopens it when no provider is there', {
  timeout: 300_000,
}, async () => {
  const [webhookSecret, shopPort] = [newSecret(), String(await freePort())]
  const file = join(dir.path, 'bank.db')
  let bank = await startSimulator(file)
  running.add(bank.process)
  const { url, secret } = bank
  const providers = join(dir.path, 'providers.json')
  writeFileSync(
    providers,
    JSON.stringify({
      bank: { kind: 'http', mode: 'test', url, secret, deadline_ms: 1_500, lookup: 'final' },
    }),
  )
  const server = await startServer(join(dir.path, 'lost.db'), {
    MINIPAY_PROVIDERS: providers,
    MINIPAY_PROVIDER_WAIT_MS: '100',
    MINIPAY_WEBHOOK_SECRET: webhookSecret,
    WEBHOOK_TARGET: `http://localhost:${shopPort}/webhook`,
  })
  running.add(server.process)
  rmSync(join(dir.path, 'shop.db'), { force: true })
  const shopEnv = {
    ...env,
    MINIPAY_SERVER: server.url,
    MINIPAY_WEBHOOK_SECRET: webhookSecret,
    SHOP_PORT: shopPort,
  }
  const shop = await terminal(`node '${SHOP}'`, shopEnv, LISTENS)
  const request = async (method: string, path: string) => {
    const { status, body } = await call(`http://127.0.0.1:${shopPort}`, method, path)
    return { status, order: typeof body === 'string' && body ? JSON.parse(body) : body }
  }
  const pay = async (id: string, token: string) =>
    (await request('POST', `/orders/${id}/pay?payment_method=${token}`)).order

  assert.equal((await pay('1001', 'tok_fault_hold_after')).status, 'paying')
  while ((await request('GET', '/orders/1001')).order.status !== 'paid') await delay(50)

  await bank.kill()
  const refused = await pay('1002', 'tok_visa')
  assert.equal(refused.status, 'open', 'no provider took it, so the customer may try again')
  bank = await startSimulator(file, { secret, port: bank.port })
  running.add(bank.process)
  while ((await pay('1002', 'tok_visa')).status !== 'paid') await delay(50)

  assert.equal((await request('POST', '/webhook')).status, 401, 'an unsigned webhook is refused')
  assert.deepEqual(shop.output().match(/Order \d+ is paid/g), ['Order 1001 is paid', 'Order 1002 is paid'])
  const taken = (await bank.statement()).payments.map(({ amount, status }) => [amount, status])
  assert.deepEqual(taken, [
    [1250, 'captured'],
    [4900, 'captured'],
  ])
  await stopTerminals()
  assert.equal(await server.stop(), 0)
})
