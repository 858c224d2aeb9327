/** A client that is generated from a running server's OpenAPI document: its types hold, and it moves money. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { tempDir } from '../kit/folders.ts'
import { type RunningServer, startServer } from '../kit/server.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const GENERATOR = join(ROOT, 'node_modules/oazapfts/dist/cli.js')
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc')

/** What someone might write with the client. */
const SHOP = `
import { captureCharge, createCharge, createRefund, defaults, listCharges, type Charge } from './client.ts'

defaults.baseUrl = process.argv[2] as string

const order = { amount: 2500, currency: 'usd', customer: 'cus_42', metadata: { order: '17' } }
const made = await createCharge({ ...order, capture: false }, { idempotencyKey: 'order-17' })
if (made.status !== 201) throw new Error(made.data.toString())
const authorized: Charge = made.data

const again = await createCharge({ ...order, capture: false }, { idempotencyKey: 'order-17' })
const captured = await captureCharge(authorized.id, { amount: 2000 })
if (captured.status !== 200) throw new Error(String(captured.status))
const refunded = await createRefund({ transaction_id: captured.data.id, amount: 500 })
const refund = refunded.status === 200 ? refunded.data.refund_id : null
const declined = await createCharge({ ...order, payment_method: 'tok_chargeDeclined' })
const wrong = await createCharge({ ...order, amount: 0 })
const page = await listCharges({ limit: 10, customer: 'cus_42', status: 'partially_refunded' })
const listed = page.status === 200 ? page.data.data.map(({ id, amount_refunded }) => ({ id, amount_refunded })) : []

console.log(
  JSON.stringify({
    id: authorized.id,
    held: authorized.status,
    again: again.status,
    captured: captured.data.amount_captured,
    metadata: captured.data.metadata,
    refund,
    declined: declined.status === 402 ? declined.data.charge.decline_code : null,
    wrong: wrong.status === 400 ? wrong.data.code : null,
    listed,
  }),
)
`

const MISTAKES = [
  "createCharge({ amount: '25.00', currency: 'usd', customer: 'cus_42' })",
  "createCharge({ amount: 2500, currency: 'usd' })",
  "createCharge({ amount: 2500, currency: 'usd', customer: 'cus_42', source: 'tok_visa' })",
  "listCharges({ format: 'xml' })",
  'captureCharge()',
  "retrieveCharge('txn_1').then((answer) => answer.status === 200 && answer.data.amount_taken)",
]

const dir = tempDir()
let server: RunningServer

before(async () => {
  server = await startServer(join(dir.path, 'minipay.db'))
  const document = await (await fetch(`${server.url}/openapi.json`)).text()
  writeFileSync(join(dir.path, 'openapi.json'), document)
  symlinkSync(join(ROOT, 'node_modules'), join(dir.path, 'node_modules'))
  writeFileSync(join(dir.path, 'package.json'), '{"type":"module"}')
  writeFileSync(join(dir.path, 'shop.ts'), SHOP)
  writeFileSync(join(dir.path, 'tsconfig.json'), JSON.stringify(tsconfig('shop.ts')))
  const { code, output } = await run(GENERATOR, 'openapi.json', 'client.ts')
  assert.equal(code, 0, output)
})
after(async () => {
  await server?.stop()
  dir.remove()
})

/** As strict as the project, save one option: the generator's runtime passes `undefined` on to fetch's own options. */
function tsconfig(...files: string[]): object {
  const compilerOptions = { rootDir: '.', exactOptionalPropertyTypes: false }
  return { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: files }
}

/** Runs a script in the folder, to its end. */
async function run(script: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: dir.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, output }
}

test('a generated client type-checks as strictly as this project, and charges, captures, refunds and lists', async () => {
  const checked = await run(COMPILER, '-p', 'tsconfig.json')
  assert.equal(checked.output, '')
  const { code, output } = await run('shop.ts', server.url)
  assert.equal(code, 0, output)
  const { id, refund, ...told } = JSON.parse(output)
  assert.match(id, /^txn_/)
  assert.match(refund, /^re_/)
  assert.deepEqual(told, {
    held: 'authorized',
    again: 200,
    captured: 2000,
    metadata: { order: '17' },
    declined: 'generic_decline',
    wrong: 'amount_invalid',
    listed: [{ id, amount_refunded: 500 }],
  })
})

test('the types of a generated client refuse what the server would', async () => {
  const names = 'captureCharge, createCharge, listCharges, retrieveCharge'
  const lines = [`import { ${names} } from './client.ts'`, ...MISTAKES.map((line) => `void ${line}`)]
  writeFileSync(join(dir.path, 'mistakes.ts'), lines.join('\n'))
  writeFileSync(join(dir.path, 'mistakes.json'), JSON.stringify(tsconfig('mistakes.ts')))
  const { output } = await run(COMPILER, '-p', 'mistakes.json', '--pretty', 'false')
  const wrong = new Set([...output.matchAll(/^mistakes\.ts\((\d+),/gm)].map(([, line]) => Number(line)))
  assert.deepEqual(
    [...wrong].sort((a, b) => a - b),
    MISTAKES.map((_, i) => i + 2),
    output,
  )
})
