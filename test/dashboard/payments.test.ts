/** The payments in a real browser: their list, their story, and what a reader does with them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Page as BrowserPage } from 'playwright-core'
import { type Charge, client, type Page, type Refund } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'
import { axeFindings, browserTest, openTab, PHONE, startBrowser, untilSaid } from './browser.ts'
import { savedBy } from './screens.ts'

const MOST = Number.MAX_SAFE_INTEGER
const HOSTILE = '<script>document.title="pwned"</script>\u202e'

/** The field that has the focus, or whose part has it, and the style of its ring. */
const focused = (page: BrowserPage, part: number) =>
  page.evaluate((at) => {
    const field = document.activeElement as HTMLInputElement
    return `input[name=${field.name}] ${at}: ${getComputedStyle(field).outlineStyle}`
  }, part)

browserTest('readers find payments, and refund, capture and cancel them, once each', async (t) => {
  const server = await serve(t, join(folderOf(t), 'payments.db'))
  const api = client(server.url)
  const refundsOf = async (id: string) =>
    (await api.get<Page<Refund>>(`/api/v1/refunds?transaction_id=${id}`)).body.data
  const chargeOf = async (id: string) => (await api.get<Charge>(`/api/v1/charges/${id}`)).body
  const plain = await api.charge({
    amount: 1961,
    currency: 'gbp',
    customer: 'cus_1810',
    description: HOSTILE,
  })
  const large = await api.charge({ amount: MOST, currency: 'kwd', customer: 'c'.repeat(255) })
  const yen = await api.charge({ amount: 31_500, currency: 'jpy', customer: HOSTILE })
  const held = await api.charge({ amount: 5_000, currency: 'eur', capture: false })
  const other = await api.charge({ amount: 5_000, currency: 'eur', capture: false })
  await api.post('/api/v1/charges', {
    ...{ amount: 700, currency: 'usd', customer: 'cus_1', payment_method: 'tok_chargeDeclinedLostCard' },
  })
  const browser = await startBrowser(t)
  const { page, faults, assertClean } = await openTab(browser, server.url, '/dashboard/payments')
  const row = (id: string) => page.locator(`tr[data-row="${id}"]`)

  // The list: exact amounts, texts as texts, and filters in the address.
  assert.match((await row(large.id).textContent()) ?? '', /9,007,199,254,740\.991 KWD/)
  assert.match((await row(yen.id).textContent()) ?? '', /31,500 JPY.*<script>/)
  assert.equal(await page.title(), 'Payments · MiniPay')
  assert.deepEqual(await axeFindings(page), [])
  // Day, month, year and the button of the calendar are four stops of each date.
  await page.getByLabel('Currency').focus()
  for (const name of ['from', 'until'])
    for (const part of [1, 2, 3, 4]) {
      await page.keyboard.press('Tab')
      const ring = `input[name=${name}] ${part}: solid`
      assert.equal(await focused(page, part), ring)
    }
  await page.getByRole('button', { name: 'Status' }).click()
  await page.getByRole('checkbox', { name: 'Failed' }).check()
  await row(plain.id).waitFor({ state: 'detached' })
  await page.getByText('Lost card').waitFor()
  assert.equal(new URL(page.url()).search, '?status=failed')
  await page.reload()
  await page.getByText('Lost card').waitFor()
  const { name, text } = await savedBy(page, page.getByRole('button', { name: 'Export CSV' }))
  assert.match(name, /^charges-.*\.csv$/)
  assert.match(text, /lost_card/)
  assert.equal(text.trim().split('\n').length, 2)
  await page.getByText(`Saved ${name}`).waitFor()
  await page.getByLabel('Customer').fill('nobody')
  await page.getByText('Nothing matches these filters').waitFor()
  await page.getByRole('button', { name: 'Clear filters' }).first().click()
  await row(plain.id).waitFor()

  // New payments wait; known ones change in place.
  const fresh = await api.charge({ amount: 100 })
  await page.getByRole('button', { name: '1 new payment' }).waitFor()
  await api.refund(plain.id, { amount: 61 })
  await row(plain.id).getByText('Partially refunded').waitFor()
  assert.equal(await row(fresh.id).count(), 0)
  await page.getByRole('button', { name: '1 new payment' }).click()
  await row(fresh.id).waitFor()

  // A refund: typed in major units, checked by the currency's digits, once for a double click.
  await row(plain.id).getByRole('link').first().click()
  await page.getByRole('heading', { name: /19\.61 GBP/ }).waitFor()
  await page.keyboard.press('r')
  const dialog = page.getByRole('dialog', { name: 'Refund payment' })
  const amount = dialog.getByLabel('Amount in GBP')
  assert.equal(await amount.inputValue(), '19.00')
  await amount.fill('1.234')
  await dialog.getByText('GBP has 2 decimals at most.').waitFor()
  await amount.fill('19.01')
  await dialog.getByText('At most 19.00 GBP is left.').waitFor()
  await amount.fill('9,00')
  assert.deepEqual(await axeFindings(page), [])
  await dialog.getByRole('button', { name: 'Refund 9.00 GBP' }).dblclick()
  await untilSaid(page, 'Refunded 9.00 GBP')
  assert.deepEqual(
    (await refundsOf(plain.id)).map((refund) => refund.amount),
    [900, 61],
  )
  await page.getByText('Refund of 9.00 GBP').waitFor()
  assert.deepEqual(await axeFindings(page), [])

  // A reload while the request is on its way: the dialog repeats it under the same key.
  const keys: string[] = []
  await page.route('**/api/v1/refunds', async (route) => {
    keys.push(route.request().headers()['idempotency-key'] ?? '')
    // The server gets it; the page never sees the response.
    if (keys.length === 1) await route.fetch().then(() => new Promise(() => {}))
    else await route.continue()
  })
  await page.getByRole('button', { name: 'Refund…' }).click()
  await amount.fill('2.50')
  await dialog.getByRole('button', { name: 'Refund 2.50 GBP' }).click()
  await until('the server has refunded', async () => (await refundsOf(plain.id)).length === 3)
  await page.reload()
  await page.getByRole('button', { name: 'Refund…' }).click()
  await amount.fill('2.50')
  await dialog.getByRole('button', { name: 'Refund 2.50 GBP' }).click()
  await untilSaid(page, 'Refunded 2.50 GBP')
  assert.equal(new Set(keys).size, 1)
  assert.equal((await refundsOf(plain.id)).length, 3)
  await page.unroute('**/api/v1/refunds')

  // The same dialog in two tabs is one refund, also if one tab closes it and opens it again.
  const second = await page.context().newPage()
  await second.goto(page.url())
  for (const tab of [page, second]) await tab.getByRole('button', { name: 'Refund…' }).click()
  await second.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  await second.getByRole('button', { name: 'Refund…' }).click()
  for (const tab of [page, second]) {
    await tab.getByLabel('Amount in GBP').fill('1.10')
  }
  for (const tab of [page, second]) await tab.getByRole('button', { name: 'Refund 1.10 GBP' }).click()
  for (const tab of [page, second]) await untilSaid(tab, 'Refunded 1.10 GBP')
  assert.equal((await refundsOf(plain.id)).length, 4)
  await second.close()

  // An error stays in the dialog, with what was typed.
  await page.getByRole('button', { name: 'Refund…' }).click()
  await api.refund(plain.id)
  await amount.fill('1.00')
  await dialog.getByRole('button', { name: 'Refund 1.00 GBP' }).click()
  await dialog.getByRole('alert').getByText(/req_/).waitFor()
  assert.equal(await amount.inputValue(), '1.00')
  await page.keyboard.press('Escape')
  assert.match(faults.splice(0).join(), /^[^,]*409 \(Conflict\)$/)

  // A large amount is typed twice.
  await page.goto(`${server.url}/dashboard/payments/${large.id}`)
  await page.getByRole('button', { name: 'Refund…' }).click()
  const whole = dialog.getByRole('button', { name: 'Refund 9,007,199,254,740.991 KWD' })
  assert.equal(await whole.isDisabled(), true)
  await dialog.getByLabel('Type 9007199254740.991 to confirm').fill('9007199254740.991')
  await whole.click()
  await until('the server has refunded', async () => (await chargeOf(large.id)).status === 'refunded')

  // Capture in part, and cancel.
  await page.goto(`${server.url}/dashboard/payments/${held.id}`)
  await page.getByRole('button', { name: 'Capture…' }).click()
  await page.getByLabel('Amount in EUR').fill('12.5')
  await page.getByText('The provider releases the other 37.50 EUR.').waitFor()
  await page.getByRole('button', { name: 'Capture 12.50 EUR' }).click()
  await untilSaid(page, 'Captured 12.50 EUR')
  assert.equal((await chargeOf(held.id)).amount_captured, 1_250)
  await page.goto(`${server.url}/dashboard/payments/${other.id}`)
  await page.getByRole('button', { name: 'Cancel…' }).click()
  await page.getByRole('button', { name: 'Cancel 50.00 EUR' }).click()
  await page.getByRole('heading', { name: /Canceled/ }).waitFor()
  assert.equal((await chargeOf(other.id)).status, 'canceled')

  await page.goto(`${server.url}/dashboard/refunds`)
  await page.getByRole('table', { name: 'Refunds' }).getByText('9.00').first().waitFor()
  assert.deepEqual(await axeFindings(page), [])
  assertClean()

  const phone = await openTab(browser, server.url, '/dashboard/payments', {
    viewport: PHONE,
    colorScheme: 'dark',
  })
  await phone.page.locator(`tr[data-row="${large.id}"]`).waitFor()
  assert.deepEqual(await axeFindings(phone.page), [])
  const narrow = () => phone.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)
  assert.equal(await narrow(), true)
  await phone.page.goto(`${server.url}/dashboard/payments/${yen.id}`)
  await phone.page.getByText('What happened').waitFor()
  assert.equal(await narrow(), true)
  assert.deepEqual(await axeFindings(phone.page), [])
  phone.assertClean()
})
