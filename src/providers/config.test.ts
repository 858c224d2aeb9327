import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Provider } from '../ports/provider.ts'
import { loadProviders } from './config.ts'
import { ProviderConfigError } from './fields.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const BANK = { kind: 'http', url: 'http://127.0.0.1:9001', secret: `\${BANK_A_SECRET}` }
let folder = ''
let file = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'minipay-'))
  file = join(folder, 'providers.json')
})
after(() => rmSync(folder, { recursive: true, force: true }))

async function load(
  content: unknown,
  env: NodeJS.ProcessEnv = { BANK_A_SECRET: SECRET },
): Promise<Provider[]> {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return (await loadProviders(file, env)).map(({ provider }) => provider)
}

/** The sentence that a file is refused with, without the file's name. */
async function refusal(content: unknown, env?: NodeJS.ProcessEnv): Promise<string> {
  try {
    await load(content, env)
  } catch (error) {
    assert.ok(error instanceof ProviderConfigError, String(error))
    assert.match(error.message, /^[^\n]+\.$/)
    assert.ok(error.message.startsWith(file), error.message)
    assert.ok(!error.message.includes(SECRET.slice(6)), 'the secret is told')
    return error.message.slice(file.length)
  }
  return assert.fail(`accepted ${JSON.stringify(content)}`)
}

test('without a file there is the in-process sandbox alone', async () => {
  const [only, ...more] = await loadProviders('', {})
  const { name, kind, remote } = only?.provider ?? assert.fail()
  assert.deepEqual([name, kind, remote, only?.accounts, more.length], ['sandbox', 'sandbox', false, null, 0])
})

test('providers come in the order of the file, several of one kind too, with their names', async () => {
  const providers = await load({ bank_b: BANK, sandbox: { kind: 'sandbox' }, bank_a: BANK })
  assert.deepEqual(
    providers.map(({ name, kind }) => [name, kind]),
    [
      ['bank_b', 'http'],
      ['sandbox', 'sandbox'],
      ['bank_a', 'http'],
    ],
  )
})

test('an http provider has its defaults, which the file can change and narrow', async () => {
  const narrow = { idempotent: false, lookup: 'none', void: false, partial_capture: false }
  const [wide, narrowed] = await load({
    wide: BANK,
    narrowed: { ...BANK, deadline_ms: 5_000, concurrency: 4, ...narrow },
  })
  assert.ok(wide?.remote && narrowed?.remote)
  assert.deepEqual([wide.deadlineMs, wide.concurrency], [20_000, 128])
  assert.deepEqual(wide.capabilities, {
    idempotencyWindowMs: 23 * 3_600_000,
    // The strongest promise has to be made: whoever did not read of it does not keep it.
    lookup: 'eventual',
    void: true,
    partialCapture: true,
  })
  assert.deepEqual([narrowed.deadlineMs, narrowed.concurrency], [5_000, 4])
  assert.deepEqual(narrowed.capabilities, {
    idempotencyWindowMs: 0,
    lookup: 'none',
    void: false,
    partialCapture: false,
  })
})

test('a provider of the kind http is live unless the file says that it moves no money', async () => {
  const [live, test_] = await load({ live: BANK, try_out: { ...BANK, mode: 'test' } })
  assert.deepEqual([live?.mode, test_?.mode], ['live', 'test'])
  assert.match(
    await refusal({ bank: { ...BANK, mode: 'sandbox' } }),
    /^: bank: mode must be one of test, live/,
  )
})

test('the sandbox serves the test mode alone: with "live" the start stops', async () => {
  const [sandbox] = await load({ sandbox: { kind: 'sandbox', mode: 'test' } })
  assert.equal(sandbox?.mode, 'test')
  assert.equal(await refusal({ sandbox: { kind: 'sandbox', mode: 'live' } }), ': sandbox: mode must be test.')
})

test('a provider serves every account, or the accounts that the file lists', async () => {
  const accounts = ['acct_default', 'acct_01kasw5v8g000ne3r5yx2tb4qd']
  const [all, some] = await loadProviders(
    { all: { kind: 'sandbox' }, some: { kind: 'sandbox', accounts } },
    {},
  )
  assert.deepEqual([all?.accounts, some?.accounts], [null, accounts])
  for (const wrong of [[], ['1'], [1], 'acct_default', {}, null])
    assert.match(
      await refusal({ sandbox: { kind: 'sandbox', accounts: wrong } }),
      /^: sandbox: accounts must be a list of 1 to 1000 ids of accounts \(acct_…\)\.$/,
    )
})

test('a variable is put in wherever it is named, and one that is not set is named in the refusal', async () => {
  const url = `http://\${BANK_HOST}:\${BANK_PORT}/pay`
  const env = { BANK_A_SECRET: SECRET, BANK_HOST: '127.0.0.1', BANK_PORT: '9001' }
  assert.equal((await load({ bank: { ...BANK, url } }, env)).length, 1)
  const sentence = await refusal({ bank: BANK }, {})
  assert.equal(sentence, ': bank: secret needs the environment variable BANK_A_SECRET, which is not set.')
  assert.match(
    await refusal({ bank: { ...BANK, url: `\${}` } }),
    /^: bank: url holds a \$\{…\} that names no/,
  )
})

test('a wrong field is refused with the provider, the field and what it must be', async () => {
  const wrong: [object, RegExp][] = [
    [{ url: undefined }, /^: bank: url is missing/],
    [{ url: 'localhost:9001' }, /^: bank: url must be an http or https URL/],
    [{ url: 'http://user:pass@127.0.0.1/' }, /^: bank: url must be/],
    [{ url: 'http://127.0.0.1/?a=1' }, /^: bank: url must be/],
    [{ secret: undefined }, /^: bank: secret is missing: it must be whsec_/],
    [{ secret: 7 }, /^: bank: secret must be whsec_/],
    [{ secret: SECRET.slice(6) }, /^: bank: secret must be whsec_/],
    [{ deadline_ms: '20000' }, /^: bank: deadline_ms must be a whole number from 100 to 300000/],
    [{ deadline_ms: 1.5 }, /^: bank: deadline_ms/],
    [{ concurrency: 0 }, /^: bank: concurrency must be a whole number from 1 to 10000/],
    [{ idempotent: 'no' }, /^: bank: idempotent must be true or false/],
    [{ lookup: 'maybe' }, /^: bank: lookup must be one of none, eventual, final/],
    [
      { concurency: 4 },
      /^: bank: concurency is not a field of this kind, whose fields are accounts, mode, url, secret, /,
    ],
    [{ kind: 'paypal' }, /^: bank: kind must be one of sandbox, http/],
    [{ kind: undefined }, /^: bank: kind must be one of/],
    [{ kind: 'toString' }, /^: bank: kind must be one of/],
  ]
  for (const [changes, sentence] of wrong)
    assert.match(await refusal({ bank: { ...BANK, ...changes } }), sentence)
  assert.match(
    await refusal({ sandbox: { kind: 'sandbox', url: 'x' } }),
    /^: sandbox: url is not a field of this kind/,
  )
  // A secret on the wrong side of its colon is not repeated.
  assert.match(await refusal({ bank: { ...BANK, [SECRET]: 'secret' } }), /^: bank: a field is not a field/)
})

test('a file that is no object of objects, names nobody, or is not there is refused', async () => {
  for (const content of ['[]', 'null', '7'])
    assert.equal(await refusal(content), ': it must be a JSON object.')
  assert.equal(await refusal('{}'), ': it names no provider.')
  assert.equal(await refusal({ bank: 'http' }), ': bank: it must be a JSON object.')
  assert.equal(
    await refusal(`{"bank": {"secret": "${SECRET}" oops`),
    ' is not valid JSON: see line 1, column 74.',
  )
  await assert.rejects(
    loadProviders(join(folder, 'none.json'), {}),
    /There is no file \S+none\.json\. Check --providers\.$/,
  )
})

test('a name that is defined twice in the file is refused, of a provider and of a field', async () => {
  const bank = JSON.stringify(BANK)
  assert.equal(await refusal(`{"bank": ${bank}, "bank": ${bank}}`), ': "bank" is defined twice.')
  assert.equal(await refusal(`{"bank": ${bank}, "b\\u0061nk": ${bank}}`), ': "bank" is defined twice.')
  assert.equal(await refusal('{"a": {"kind": "sandbox", "kind": "http"}}'), ': "kind" is defined twice.')
  // The same field of two providers, and a name within a text, are no such thing.
  const text = { ...BANK, url: 'http://127.0.0.1/"url":' }
  assert.equal((await load({ a: text, b: text })).length, 2)
})

test('a name is 1 to 32 of a-z, 0-9 and _, and begins with a letter', async () => {
  for (const name of ['', 'Bank', '9bank', '_bank', 'bank-a', 'b'.repeat(33), '__proto__'])
    assert.match(await refusal(`{"${name}": {"kind": "sandbox"}}`), /^: a provider's name must be/, name)
  assert.equal((await load({ ['b'.repeat(32)]: { kind: 'sandbox' } })).length, 1)
})

test('the page of a payment has the reference after its host, and no other address can follow from it', async () => {
  const page = async (payment_url: string) =>
    (await load({ a: { kind: 'sandbox', payment_url } }))[0]?.paymentUrl
  for (const good of [
    ...['https://bank.example/p/{reference}', 'http://10.0.0.1:80/?id={reference}#x'],
    'https://bank.example/p/{reference}?again={reference}',
  ])
    assert.equal(await page(good), good)
  for (const bad of [
    ...['https://bank.example/', 'https://{reference}.example/', 'https://bank.example{reference}/'],
    ...['javascript:alert("{reference}")', '{reference}', 'https://me:pw@bank.example/{reference}'],
  ])
    assert.match(
      await refusal({ a: { kind: 'sandbox', payment_url: bad } }),
      /a: payment_url must be an http/,
    )
})
