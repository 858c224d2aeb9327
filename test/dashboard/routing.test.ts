/** Routing rules and the ledger in a real browser: from a click to what the API then says. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { RuleSetVersionView, RuleSetView } from '../../src/api/minipay/routing-schemas.ts'
import { type Client, client, type Page as ListPage } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { serve } from '../kit/server.ts'
import { axeFindings, browserTest, openTab, PHONE, startBrowser, type Tab, untilSaid } from './browser.ts'

const DOCUMENT = {
  rules: [
    {
      name: 'eu cards',
      when: "currency == 'eur' && amount < 100000",
      providers: ['bank_b', 'bank_a'],
      failover_on: ['processing_error'],
    },
  ],
  limits: [{ name: 'card testing', per: 'payment_method', window_s: 3600, max_charges: 10 }],
  default: { providers: ['bank_a', 'bank_b'] },
}
const CURRENCIES = ['eur', 'eur', 'jpy', 'kwd', 'usd']

async function current(api: Client): Promise<RuleSetView> {
  return (await api.get<RuleSetView>('/api/v1/routing')).body
}
const typed = (page: Page) => page.getByLabel('Rules as JSON')
const click = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).click()

browserTest('an operator edits, checks, tries, publishes and restores routing rules', async (t) => {
  const folder = folderOf(t)
  const providers = join(folder, 'providers.json')
  writeFileSync(providers, JSON.stringify({ bank_a: { kind: 'sandbox' }, bank_b: { kind: 'sandbox' } }))
  const server = await serve(t, join(folder, 'routing.db'), { MINIPAY_PROVIDERS: providers })
  const api = client(server.url)
  const put = async (document: object, note: string) =>
    assert.equal((await call(server.url, 'PUT', '/api/v1/routing', { document, note })).status, 200)
  for (const [i, currency] of CURRENCIES.entries()) await api.charge({ amount: 1_000 + i, currency })
  const browser = await startBrowser(t)
  const tab = await openTab(browser, server.url, '/dashboard/routing')

  await publishesADraft(tab, api)
  await keepsADraftThatWasSuperseded(tab, api, put)
  await restoresAVersion(tab, api)
  await takesALongDocument(tab, api)
  assert.deepEqual(await axeFindings(tab.page), [])
  // The console reports each refused request as an error: problems, and a conflict.
  assert.ok(
    tab.faults.every((fault) => /status of (400|409)/.test(fault)),
    tab.faults.join(),
  )

  const phone = await openTab(browser, server.url, '/dashboard/routing?edit=1', {
    ...{ viewport: PHONE, colorScheme: 'dark' },
  })
  await click(phone.page, 'Begin with the rules in force')
  await scrollsALongRuleInItsField(phone)
  await click(phone.page, 'Check')
  await phone.page.getByText('No problems.').waitFor()
  assert.deepEqual(await axeFindings(phone.page), [])
  phone.assertClean()
})

/** Chromium would type the many lines of a long document for minutes. */
async function paste(page: Page, document: object): Promise<void> {
  await typed(page).evaluate(
    (area, text) => {
      ;(area as HTMLTextAreaElement).value = text
      area.dispatchEvent(new Event('input', { bubbles: true }))
    },
    JSON.stringify(document, null, 2),
  )
}

/** A long condition is scrolled in its field and in the changes, and not with the page. */
async function scrollsALongRuleInItsField({ page }: Tab): Promise<void> {
  const document = JSON.parse(await typed(page).inputValue())
  document.rules[0].when = "currency == 'eur' && amount < 100000 && customer != 'a customer whose id is long'"
  await paste(page, document)
  await page.getByRole('region', { name: 'Changes of the rules' }).getByText('whose id').waitFor()
  const width = await page.evaluate(() => window.document.documentElement.scrollWidth)
  assert.ok(width <= PHONE.width, `${width} px`)
}

/** By the keyboard alone. */
async function publishesADraft({ page }: Tab, api: Client): Promise<void> {
  await page.getByRole('heading', { name: 'Default' }).waitFor()
  await page.getByText('100%').waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await page.getByRole('button', { name: 'Edit rules' }).focus()
  await page.keyboard.press('Enter')

  // The heading has the focus, and the first rule needs no documents.
  await page.locator('h1:focus', { hasText: 'Edit rules' }).waitFor()
  await click(page, 'Add an example rule')
  await page.getByRole('button', { name: 'Check' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('No problems.').waitFor()
  await page.locator('button:focus', { hasText: 'Check' }).waitFor()
  const { rules } = JSON.parse(await typed(page).inputValue())
  assert.deepEqual(rules, [
    { name: 'example', when: "currency == 'eur' && amount < 100000", providers: ['bank_b', 'bank_a'] },
  ])

  // No JSON, then a condition with a mistake: each problem leads to its place.
  await typed(page).fill('{ "rules": [1,] }')
  await page.keyboard.press('Control+Enter')
  await page.getByText('A value is expected here').waitFor()
  const wrong = { ...DOCUMENT, rules: [{ ...DOCUMENT.rules[0], when: 'amount > 1 &&\n amout < 3' }] }
  await typed(page).fill(JSON.stringify(wrong, null, 2))
  await page.keyboard.press('Control+Enter')
  await click(page, 'Line 5, column 32')
  const place = await typed(page).evaluate((area) => (area as HTMLTextAreaElement).selectionStart)
  assert.equal((await typed(page).inputValue()).slice(place, place + 5), 'amout')
  assert.equal((await current(api)).version, 0)

  await typed(page).fill(JSON.stringify(DOCUMENT, null, 2))
  await click(page, 'Try')
  await page.getByText('2 of the last 5 payments').waitFor()
  await page.getByRole('region', { name: 'Payments with another route' }).getByText('10.01').waitFor()
  await page.getByRole('region', { name: 'Changes of the rules' }).getByText('"eu cards"').waitFor()
  assert.deepEqual(await axeFindings(page), [])

  await page.getByRole('button', { name: 'Publish…' }).focus()
  await page.keyboard.press('Enter')
  await page.getByLabel('Note').waitFor()
  await page.keyboard.type('Send small European payments to bank_b.')
  await page.keyboard.press('Enter')
  await page.getByText('If currency is EUR and amount is less than 1,000.00 EUR').waitFor()
  const { version, document, note } = await current(api)
  assert.deepEqual([version, document, note], [1, DOCUMENT, 'Send small European payments to bank_b.'])
  await page.getByText('40%').waitFor()
}

async function keepsADraftThatWasSuperseded(
  { page }: Tab,
  api: Client,
  put: (document: object, note: string) => Promise<void>,
): Promise<void> {
  await click(page, 'Edit rules')
  const mine = { ...DOCUMENT, limits: [], default: { providers: ['bank_b'] } }
  await typed(page).fill(JSON.stringify(mine))
  await put({ ...DOCUMENT, rules: [] }, 'No rules on Fridays.')
  // The draft survives a reload.
  await page.reload()
  await page.getByText('Version 2 was published meanwhile').waitFor()
  await put({ ...DOCUMENT, limits: [] }, 'No limits either.')
  await click(page, 'Keep my draft, to replace version 2')
  await click(page, 'Publish…')
  await page.getByLabel('Note').fill('All to bank_b.')
  await click(page, 'Publish version 3')
  await page.getByRole('dialog').getByText('The rule set is at version 3, not 2.').waitFor()
  await page.getByRole('dialog').getByText(/req_/).waitFor()
  assert.equal(await page.getByLabel('Note').inputValue(), 'All to bank_b.')
  await page.keyboard.press('Escape')
  await page.getByText('“No limits either.”').waitFor()
  await page.getByRole('region', { name: 'What changed meanwhile' }).getByText('card testing').waitFor()
  assert.deepEqual(JSON.parse(await typed(page).inputValue()), mine)
  await click(page, 'Keep my draft, to replace version 3')
  await click(page, 'Publish…')
  assert.equal(await page.getByLabel('Note').inputValue(), 'All to bank_b.')
  await click(page, 'Publish version 4')
  await untilSaid(page, 'Published version 4.')
  const { version, document, note } = await current(api)
  assert.deepEqual([version, document, note], [4, mine, 'All to bank_b.'])
}

async function restoresAVersion({ page }: Tab, api: Client): Promise<void> {
  const history = page.getByRole('region', { name: 'Versions of the rules' })
  await history.getByRole('link', { name: 'Version 1', exact: true }).click()
  await page.getByRole('region', { name: 'Changes of a restore' }).getByText('card testing').waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await click(page, 'Restore version 1…')
  await click(page, 'Publish…')
  assert.equal(await page.getByLabel('Note').inputValue(), 'Restore version 1.')
  await click(page, 'Publish version 5')
  await untilSaid(page, 'Published version 5.')
  assert.deepEqual((await current(api)).document, DOCUMENT)
  await click(page, 'More actions')
  await click(page, 'Reset to the built-in rules…')
  await page.getByLabel('Note').fill('Start again.')
  await page.getByRole('dialog').getByRole('button', { name: 'Reset rules' }).click()
  await page.getByText('Start again.').waitFor()
  const { data } = (await api.get<ListPage<RuleSetVersionView>>('/api/v1/routing/versions?limit=1')).body
  assert.deepEqual([data[0]?.version, data[0]?.note, data[0]?.built_in], [6, 'Start again.', true])
}

/** Nearly as long as a request may be: 100 rules whose conditions have 1,000 characters, and long lists of codes. */
async function takesALongDocument({ page }: Tab, api: Client): Promise<void> {
  const codes = Array.from({ length: 50 }, (_, i) => `code_${i}_${'x'.repeat(20)}`)
  const rules = Array.from({ length: 100 }, (_, i) => ({
    ...{ name: `rule ${i}`, when: `customer == '${String(i).padEnd(900, 'x')}'` },
    ...{ providers: ['bank_a'], failover_on: codes },
  }))
  const long = { rules, default: { providers: ['bank_a'] } }
  assert.ok(JSON.stringify(long).length > 240 * 1024)
  await click(page, 'Edit rules')
  await paste(page, long)
  await click(page, 'Publish…')
  await click(page, 'Publish version 7')
  await page.getByRole('heading', { name: 'rule 99' }).waitFor()
  assert.deepEqual((await current(api)).document, long)
}
