/** The overview in a real browser. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type Charge, client, type Page } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { startReceiver } from '../kit/receiver.ts'
import { serve } from '../kit/server.ts'
import { axeFindings, browserTest, openTab, PHONE, startBrowser } from './browser.ts'

browserTest(
  'the overview shows what became of the attempts, leads to the lists behind its figures, and follows live',
  async (t) => {
    const receiver = await startReceiver((_webhook, response) => response.writeHead(400).end())
    t.after(receiver.close)
    const server = await serve(t, join(folderOf(t), 'overview.db'), { WEBHOOK_TARGET: receiver.url })
    const api = client(server.url)
    const charge = await api.charge()
    await api.charge({ currency: 'kwd', amount: Number.MAX_SAFE_INTEGER })
    const declined = { amount: 700, currency: 'usd', customer: 'cus_1', payment_method: 'tok_chargeDeclined' }
    await api.post('/api/v1/charges', declined)
    await api.refund(charge.id, { amount: 1_250 })

    const browser = await startBrowser(t)
    const { page, assertClean } = await openTab(browser, server.url)
    const figure = (label: string, value: string) =>
      page.locator('.figure', { hasText: label }).getByText(value, { exact: true }).waitFor()
    await figure('Success rate', '66.7%')
    await figure('Payment attempts', '3')
    await figure('Declined or failed', '1')
    // The refund is an attempt at the provider, too: both numbers say what they count.
    await page.locator('.figure').getByText('charges and holds, at 1 provider').waitFor()
    const byProvider = page.getByRole('table', { name: 'Attempts by provider' })
    await byProvider.getByRole('columnheader', { name: 'All attempts' }).waitFor()
    await byProvider.getByRole('cell', { name: '4', exact: true }).waitFor()
    await page.getByText('captures, cancels and refunds are included').waitFor()
    // Each number leads to the payments that it counts.
    const rate = page.locator('.figure', { hasText: 'Success rate' })
    const counted = async (name: string) => {
      const link = rate.getByRole('link', { name, exact: true })
      const { searchParams } = new URL((await link.getAttribute('href')) ?? '', server.url)
      const status = searchParams.getAll('status').join()
      const since = searchParams.get('created_gte')
      return (await api.get<Page<Charge>>(`/api/v1/charges?status=${status}&created_gte=${since}`)).body.data
        .length
    }
    assert.deepEqual([await counted('2'), await counted('3'), await counted('66.7%')], [2, 3, 3])
    await page.getByText('9,007,199,254,740.991').waitFor()
    await page.getByText('25.00').waitFor()
    await page.getByText('12.50').waitFor()
    const hours = page.getByRole('table', { name: 'Payment attempts per hour' })
    assert.equal(await hours.getByRole('row').count(), 25)
    await page.getByRole('link', { name: /failed webhook deliver/ }).waitFor()
    await page
      .locator('nav .count')
      .filter({ hasText: /^[1-4]$/ })
      .waitFor()
    assert.deepEqual(await axeFindings(page), [])

    await api.charge()
    await figure('Payment attempts', '4')

    await page.getByRole('link', { name: '30 days' }).click()
    const days = page.getByRole('table', { name: 'Payment attempts per day (UTC)' })
    await days.waitFor()
    assert.equal(await days.getByRole('row').count(), 31)
    assert.equal(new URL(page.url()).search, '?range=30d')
    await page.locator('.figure', { hasText: 'Declined or failed' }).getByRole('link').click()
    await page.getByRole('heading', { level: 1, name: 'Payments' }).waitFor()
    const { pathname, searchParams } = new URL(page.url())
    assert.deepEqual([pathname, searchParams.get('status')], ['/dashboard/payments', 'failed'])
    assertClean()

    const phone = await openTab(browser, server.url, '/dashboard/', { viewport: PHONE, colorScheme: 'dark' })
    await phone.page.getByText('9,007,199,254,740.991').waitFor()
    const width = await phone.page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(width <= PHONE.width, `${width} px`)
    assert.deepEqual(await axeFindings(phone.page), [])
    phone.assertClean()
  },
)
