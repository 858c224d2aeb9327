/** Markup in every text that others choose is shown as text on every screen that shows it, however long it is. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Page as Tab } from 'playwright-core'
import { decide } from '../../src/domain/charge.ts'
import { alarmOf } from '../contract/store/alarms.ts'
import { disputeCommit, disputeOf } from '../contract/store/disputes.ts'
import {
  type Attempt,
  type Client,
  client,
  type Delivery,
  type Dispute,
  type Page,
  until,
} from '../kit/client.ts'
import { commitOf, committed, taken } from '../kit/commits.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { startReceiver } from '../kit/receiver.ts'
import { serve } from '../kit/server.ts'
import { type StandIn, startStandIn } from '../kit/stand-in.ts'
import { providersIn } from '../kit/world.ts'
import { browserTest, openTab, PHONE, startBrowser, WIDE } from './browser.ts'
import { screenPath, screenPatterns, signIn, watchRequests } from './screens.ts'

/** Each place has a number, to see which of them a screen shows. */
const markup = (place: string) => `${place} <img src=x onerror="pwned=1"><script>pwned=1</script>`
/** Without a place to break. */
const LONG = 'w'.repeat(400)
const RULE = '<b>rule</b> <script>pwned=1</script>'
const LIMIT = '<b>limit</b> <script>pwned=1</script>'
const scope = { accountId: 1, mode: 'test' } as const

/** What a screen shows of these texts; the others have none, or are found by other tests. */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  '/payments': ['customer <img'],
  '/payments/:id': ['declined <img', RULE, LONG.slice(0, 100)],
  '/alarms': ['alarm <img'],
  '/routing': [RULE, LIMIT, 'note <img'],
  '/providers': ['pause <img'],
  '/webhooks': ['endpoint <img'],
  '/deliveries/:id': ['receiver <img'],
  '/events/:id': ['declined <img'],
  '/keys': ['key <img'],
  '/audit': ['key <img'],
}

/** A store with a dispute and an alarm whose texts a provider chose, and the secret of a key. */
function seeded(database: string): Promise<string> {
  return inDatabase(database, async ({ store, key }) => {
    const { charge } = await taken(store, { scope, provider: 'bank', amount: 1_000 })
    const dispute = { ...disputeOf(charge, 300), reason: markup('dispute') }
    const contested = disputeCommit(scope, charge, dispute)
    await committed(store, contested)
    const alarm = alarmOf(contested.charge, { message: `${markup('alarm')} ${LONG}` })
    const opened = decide(contested.charge, {}, { alarms: [alarm], event: 'alarm.opened' })
    await committed(store, commitOf(opened, { scope }, null, alarm.openedAt))
    return (await key({ name: markup('key') })).secret
  })
}

const responding = (operation: Parameters<StandIn['next']>[0], status: number, body: object) =>
  [operation, { answer: { status, body } }] as const

/** Makes payments to which the bank responds with markup; returns ids for the screens. */
async function fill(api: Client, bank: StandIn): Promise<Readonly<Record<string, string | undefined>>> {
  const document = {
    limits: [{ name: LIMIT, per: 'customer', window_s: 3_600, max_charges: 1 }],
    rules: [{ name: RULE, when: 'amount > 1', providers: ['bank'] }],
    default: { providers: ['bank'] },
  }
  await api.put('/api/v1/routing', { document, note: markup('note') })
  const order = { amount: 2_500, currency: 'usd', customer: markup('customer'), description: markup('order') }
  const message = `${markup('declined')} ${LONG}`
  bank.next(...responding('authorize', 200, { status: 'declined', decline_code: 'do_not_honor', message }))
  await api.post('/api/v1/charges', order)
  // Beyond the limit of its customer.
  await api.post('/api/v1/charges', order)
  const reused = { status: 'refused', code: 'reference_reused', message: `${markup('unknown')} ${LONG}` }
  bank.always(...responding('lookup', 409, reused))
  bank.next(...responding('authorize', 409, reused))
  await api.post('/api/v1/charges', { ...order, customer: 'cus_unknown' })
  await api.post('/api/v1/providers/bank/pause', { reason: markup('pause') })
  await until(
    async () => (await api.get<Page<Attempt>>('/api/v1/attempts?status=unknown')).body.data,
    (found) => found.length > 0,
  )
  const failed = await until(
    async () => (await api.get<Page<Delivery>>('/api/v1/webhook_deliveries?limit=5')).body.data,
    (found) => found.length > 0,
  )
  const declined = await api.get<Page<{ id: string }>>('/api/v1/charges?decline_code=do_not_honor')
  const events = await api.get<Page<{ id: string }>>('/api/v1/events?type=payment.failed&limit=1')
  const disputed = await api.get<Page<Dispute>>('/api/v1/disputes')
  const limited = await api.get<Page<{ id: string }>>('/api/v1/charges?decline_code=velocity_limit_exceeded')
  const endpoints = await api.get<Page<{ id: string }>>('/api/v1/webhook_endpoints')
  return {
    ...{ payments: declined.body.data[0]?.id, deliveries: failed[0]?.id, events: events.body.data[0]?.id },
    ...{ webhooks: endpoints.body.data[0]?.id, disputed: disputed.body.data[0]?.transaction_id },
    limited: limited.body.data[0]?.id,
  }
}

/** What a page says to its reader, in titles and in fields, too. */
const textOf = (page: Tab) =>
  page.evaluate(() => {
    const all = [...document.querySelectorAll<HTMLElement>('main [title], main input, main textarea')]
    const fields = all.map((one) => ('value' in one ? String(one.value) : one.title))
    return [document.querySelector('main')?.textContent, ...fields].join('\n')
  })

const notIn = (text: string, wanted: readonly string[]) => wanted.filter((one) => !text.includes(one))

browserTest('markup in texts of providers, receivers and people is text on every screen', async (t) => {
  const folder = folderOf(t)
  const database = join(folder, 'markup.db')
  const secret = await seeded(database)
  const bank = await startStandIn()
  atEnd(t, bank.close)
  const receiver = await startReceiver((_webhook, response) =>
    response.writeHead(400, { 'content-type': 'text/html' }).end(markup('receiver')),
  )
  atEnd(t, receiver.close)
  const { url } = await serve(t, database, {
    ...providersIn(folder, { bank: bank.at }),
    MINIPAY_PROVIDER_WAIT_MS: '200',
    MINIPAY_LOCAL_TARGETS: 'always',
  })
  const api = client(url, bearer(secret))
  const endpoint = { url: receiver.url, description: markup('endpoint') }
  await api.post('/api/v1/webhook_endpoints', endpoint)
  const ids = await fill(api, bank)
  const browser = await startBrowser(t)
  const { page, faults } = await openTab(browser, url)
  await signIn(page, secret)
  faults.length = 0
  const settled = watchRequests(page)
  const problems: string[] = []
  const look = async (name: string, wanted: readonly string[] = []) => {
    // A part of a screen may come after what was waited for.
    await until(
      async () => notIn(await textOf(page), wanted).map((one) => `${name} does not show ${one}`),
      (missing) => missing.length === 0,
    )
    if (await page.evaluate(() => 'pwned' in globalThis)) problems.push(`${name} runs a script`)
    const made = await page.locator('main img, main script, main b, dialog img, dialog script').count()
    if (made > 0) problems.push(`${name} makes ${made} elements`)
    for (const size of [PHONE, WIDE]) {
      await page.setViewportSize(size)
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      if (wider > 0) problems.push(`${name} is ${wider} px wider than ${size.width}`)
    }
    problems.push(...faults.splice(0).map((fault) => `${name}: ${fault}`))
  }
  for (const pattern of screenPatterns()) {
    await page.goto(url + screenPath(pattern, ids))
    await settled()
    await look(pattern, SHOWN[pattern])
  }
  await page.goto(`${url}/dashboard/payments/${ids['disputed']}`)
  await settled()
  await look('a disputed payment', ['dispute <img'])
  await page.goto(`${url}/dashboard/payments/${ids['limited']}`)
  await settled()
  await look('a payment beyond a limit', [LIMIT])
  await page.goto(`${url}/dashboard/alarms`)
  await page
    .getByRole('button', { name: /^Close alm_/ })
    .first()
    .click()
  await page.getByRole('dialog').getByText('alarm <img').waitFor()
  await look('the form that closes an alarm')
  await page.goto(`${url}/dashboard/routing`)
  await page.getByRole('button', { name: 'Edit rules' }).click()
  await page.getByRole('button', { name: 'Try', exact: true }).click()
  await page.getByRole('heading', { name: 'On the newest payments' }).waitFor()
  await look('the editor of rules', [RULE])
  assert.deepEqual(problems, [])
})
