/** The receivers of docs/verifying-webhooks.md that this machine can run accept real messages and refuse others. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { webhookBody } from '../src/api/webhooks/body.ts'
import { encodeFacts } from '../src/domain/snapshot.ts'
import type { WebhookEndpoint, WebhookFormat } from '../src/domain/webhooks/endpoint.ts'
import { secretContext } from '../src/ports/vault.ts'
import { createVault } from '../src/vault/vault.ts'
import { createMessages } from '../src/workers/webhooks/message.ts'
import { chargeCommit } from './kit/commits.ts'
import { atEnd, folderOf } from './kit/folders.ts'
import { freePort } from './kit/sockets.ts'
import { until } from './kit/until.ts'

const ROOT = join(import.meta.dirname, '..')
const PAGE = readFileSync(join(ROOT, 'docs/verifying-webhooks.md'), 'utf8')
const SCOPE = { accountId: 1, mode: 'test' } as const
const vault = createVault([randomBytes(32)])
const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`
/** While a secret is rotated: the receiver still has the former one. */
const [NEXT, SECRET] = [newSecret(), newSecret()] as const

/** The example under a heading. */
function exampleOf(heading: string): string {
  const [, section = ''] = PAGE.split(`\n## ${heading}\n`)
  const [, example] = /^```\w+\n([\s\S]*?)^```$/m.exec(section) ?? assert.fail(heading)
  return example as string
}

function messageAt(at: number, format: WebhookFormat = 'minipay') {
  const { charge } = chargeCommit({ scope: SCOPE })
  const sealed = (secret: string) => vault.seal(secret, secretContext(SCOPE, 'we_1'))
  const endpoint: WebhookEndpoint = {
    ...{ id: 'we_1', scope: SCOPE, url: 'https://shop.example', description: 'Größe', metadata: {} },
    ...{ events: ['*'], headers: {}, rateLimit: null, schedule: null, format, ordered: false },
    ...{ disableAfterMs: null, status: 'enabled', disabledReason: null, version: 1, createdAt: at },
    ...{ deletedAt: null },
    secrets: [
      { sealed: sealed(NEXT), until: null },
      { sealed: sealed(SECRET), until: at + 1_000 },
    ],
  }
  const data = encodeFacts({ charge: { ...charge, description: 'Größe 42 €' } })
  const event = {
    sequence: 7,
    id: 'evt_1',
    type: 'payment.succeeded',
    epoch: 'ep_1',
    createdAt: at,
    data,
  } as const
  return createMessages({ vault, body: webhookBody, defaultKey: null })(endpoint, event, 'dlv_1', at)
}

/** Starts an example, and returns a function that posts to it and returns the status of its response. */
async function started(t: TestContext, heading: string, program: string, file: string) {
  const folder = folderOf(t)
  const port = await freePort()
  // `localhost` may be ::1 first.
  const text = exampleOf(heading)
    .replace('8081', String(port))
    .replaceAll(/(['"])localhost\1/g, "'127.0.0.1'")
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, file), text)
  const running = spawn(program, [file], {
    cwd: folder,
    env: { ...process.env, WEBHOOK_SECRET: SECRET },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  atEnd(t, () => running.kill('SIGKILL'))
  const post = async ({ headers, body }: ReturnType<typeof messageAt>) =>
    (await fetch(`http://127.0.0.1:${port}/webhook`, { method: 'POST', headers, body })).status
  await until('the receiver listens', () =>
    fetch(`http://127.0.0.1:${port}`).then(
      () => true,
      () => false,
    ),
  )
  return post
}

async function assertVerifies(
  post: (message: ReturnType<typeof messageAt>) => Promise<number>,
  format: WebhookFormat = 'minipay',
): Promise<void> {
  const message = messageAt(Date.now(), format)
  assert.equal(await post(message), 204)
  assert.equal(
    await post({ ...message, body: String(message.body).replace('1000', '9000') }),
    401,
    'a changed body',
  )
  assert.equal(await post(messageAt(Date.now() - 400_000, format)), 401, 'an old message')
  const { 'webhook-signature': _, 'stripe-signature': __, ...bare } = message.headers
  assert.equal(await post({ ...message, headers: bare }), 401, 'no signature')
}

test('the Node.js example verifies a real message', async (t) => {
  await assertVerifies(await started(t, 'Node.js', process.execPath, 'receiver.mjs'))
})

test("the example with Stripe's library verifies a real message", async (t) => {
  await assertVerifies(await started(t, 'Stripe', process.execPath, 'receiver.mjs'), 'stripe')
})

const python = (code: string) => spawnSync('python3', ['-c', code]).status === 0

test('the Python example verifies a real message', {
  skip: !python('import standardwebhooks') && 'the Python library is not installed',
}, async (t) => {
  await assertVerifies(await started(t, 'Python', 'python3', 'receiver.py'))
})

test('the example without a library verifies a real message', {
  skip: !python('') && 'Python is not installed',
}, async (t) => {
  await assertVerifies(await started(t, 'Without a library', 'python3', 'receiver.py'))
})

test('there are examples in five languages', () => {
  for (const heading of ['Node.js', 'Python', 'Go', 'Ruby', 'PHP'])
    assert.match(exampleOf(heading), /verify/i)
})
