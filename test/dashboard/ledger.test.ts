/** The ledger in a real browser. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Page } from 'playwright-core'
import { client } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { onDatabase } from '../kit/postgres.ts'
import { onEngine, serve, startServer } from '../kit/server.ts'
import { until } from '../kit/until.ts'
import { axeFindings, browserTest, openTab, PHONE, startBrowser } from './browser.ts'
import { savedBy } from './screens.ts'

const MOST = '9223372036854775807'

async function setBalance(file: string, code: string, balance: string): Promise<void> {
  const sql = `UPDATE ledger_accounts SET balance = ${balance} WHERE code = '${code}' AND currency = 'jpy'`
  const database = await onEngine(file)
  if (database !== file) return void (await onDatabase(database, (sent) => sent.query(sql)))
  const db = new Database(file)
  db.exec(sql)
  db.close()
}

/** The account is the merchant's, in dollars: one payment and a part of it refunded, today. */
async function assertDays(page: Page): Promise<void> {
  const card = page.getByRole('region', { name: 'merchant by day' })
  const row = card.getByRole('row').last()
  for (const amount of ['12.41', '1,234.56', '-1,222.15'])
    await row.getByText(amount, { exact: true }).waitFor()
  assert.equal(await card.locator('svg rect.volume').count(), 1)
  assert.equal(await card.locator('svg rect.credit').count(), 1)
  const { text } = await savedBy(page, card.getByRole('button', { name: 'CSV' }))
  const [, line = ''] = text.trim().split('\r\n')
  const today = line.slice(0, 10)
  assert.equal(
    line,
    `${today}/merchant/usd,${today},merchant,usd,2,1241,12.41,123456,1234.56,-122215,-1222.15`,
  )
  assert.deepEqual(await axeFindings(page), [])
  // The entries of the day, wherever the reader is: the browser is not in UTC. The balances stay at their time.
  await page.getByLabel('Balances at the end of').fill('2031-01-01')
  await page.waitForURL(/at=2031-01-01/)
  await row.getByRole('link').click()
  assert.equal(new URL(page.url()).search, `?at=2031-01-01&account=merchant&currency=usd&day=${today}`)
  const entries = page.getByRole('region', { name: 'List of entries' })
  await until('the entries are in view', () =>
    entries.evaluate((list) => list.getBoundingClientRect().top < window.innerHeight - 40),
  )
  await until('the entries of the day are shown', async () => (await entries.getByRole('row').count()) === 3)
  // A day takes the place of other times, so none is shown that does not count.
  assert.equal(await page.getByLabel('From').count(), 0)
  await page.getByLabel('Day (UTC)').fill('2031-01-01')
  await page.getByText('Nothing matches these filters').waitFor()
  await page.getByLabel('Day (UTC)').fill('')
  await entries.getByText('12.41').waitFor()
}

browserTest(
  'a reader sees exact balances, those of a day before, and the entries of a payment',
  async (t) => {
    const file = join(folderOf(t), 'ledger.db')
    const first = await startServer(file)
    const api = client(first.url)
    const paid = await api.charge({ amount: 123_456, currency: 'usd' })
    await api.charge({ amount: 500, currency: 'jpy' })
    await api.charge({ amount: 1_234, currency: 'kwd' })
    await api.refund(paid.id, { amount: 1_241 })
    await first.stop()
    // No charge is that large: a balance that years of charges have made.
    await setBalance(file, 'provider:sandbox', MOST)
    await setBalance(file, 'merchant', `-${MOST}`)

    const server = await serve(t, file)
    const browser = await startBrowser(t)
    const { page, assertClean } = await openTab(browser, server.url, '/dashboard/ledger')
    const balances = page.getByRole('region', { name: 'Accounts' })
    for (const amount of ['1,222.15', '9,223,372,036,854,775,807', '1.234', '-1.234'])
      await balances.getByText(amount, { exact: true }).waitFor()
    const trial = page.getByRole('region', { name: 'Sums by currency' })
    await trial.getByText('9,223,372,036,854,775,807 JPY').first().waitFor()
    assert.equal(await trial.getByText('Balances').count(), 3)
    assert.deepEqual(await axeFindings(page), [])

    const entries = page.getByRole('region', { name: 'List of entries' })
    await balances.getByRole('link', { name: 'merchant' }).last().click()
    await until(
      'the entries of the account are shown',
      async () => (await entries.getByRole('row').count()) === 3,
    )
    await entries.getByText('12.41').waitFor()
    assert.equal(new URL(page.url()).search, '?account=merchant&currency=usd')
    const { text } = await savedBy(page, page.getByRole('button', { name: 'CSV' }).last())
    assert.match(text, /merchant/)
    assert.equal(text.trim().split('\n').length, 3)
    await assertDays(page)
    await page.getByRole('button', { name: 'Clear filters' }).first().click()
    await page.getByLabel('From').fill('2031-01-01')
    await page.getByText('Nothing matches these filters').waitFor()
    await page.getByRole('button', { name: 'Clear filters' }).last().click()
    await entries.getByText('500').first().waitFor()

    const { text: accounts } = await savedBy(page, page.getByRole('button', { name: 'CSV' }).first())
    assert.match(accounts, /^account,currency,balance,balance_decimal\r\n/)
    assert.match(accounts, /\r\nmerchant,kwd,-1234,-1\.234\r\n/)

    await page.goto(`${server.url}/dashboard/ledger?day=2026-02-30&at=x`)
    await page.getByText('Day (UTC): “2026-02-30” is no day such as 2026-11-27').waitFor()
    await page.getByText('Balances at the end of: “x” is no day').waitFor()
    await entries.getByText('500').first().waitFor()
    assert.deepEqual(await axeFindings(page), [])
    await page.getByRole('button', { name: 'Clear filters' }).last().click()
    await page.getByLabel('From').waitFor()

    await page.getByLabel('Balances at the end of').fill('2020-01-01')
    await page.getByText('Nothing was booked before').waitFor()
    const today = new Date().toLocaleDateString('sv', { timeZone: 'Europe/Berlin' })
    await page.getByLabel('Balances at the end of').fill(today)
    // From the entries: the tampered total is not among them.
    await balances.getByText('500', { exact: true }).waitFor()
    // A charge while the reader looks: the balances change in place, the entries wait behind a button.
    await page.getByRole('button', { name: 'Clear filters' }).first().click()
    await balances.getByText('1,222.15', { exact: true }).waitFor()
    await client(server.url).charge({ amount: 100, currency: 'usd' })
    await balances.getByText('1,223.15', { exact: true }).waitFor()
    await page.getByRole('button', { name: '2 new' }).click()
    await entries.getByText('1.00', { exact: true }).waitFor()
    assertClean()

    const phone = await openTab(browser, server.url, '/dashboard/ledger', {
      ...{ viewport: PHONE, colorScheme: 'dark' },
    })
    await phone.page.getByText('9,223,372,036,854,775,807').first().waitFor()
    const width = await phone.page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(width <= PHONE.width, `the page is ${width} wide`)
    assert.deepEqual(await axeFindings(phone.page), [])
    phone.assertClean()
  },
)
