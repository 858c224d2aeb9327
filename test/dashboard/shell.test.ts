/** The frame of the dashboard in a real browser. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Locator } from 'playwright-core'
import { folderOf } from '../kit/folders.ts'
import { serve } from '../kit/server.ts'
import { axeFindings, browserTest, openTab, PHONE, startBrowser } from './browser.ts'

browserTest(
  'the frame leads to every place, by links and by keys, wide and narrow, light and dark',
  async (t) => {
    const server = await serve(t, join(folderOf(t), 'shell.db'))
    const browser = await startBrowser(t)
    const { page } = await openTab(browser, server.url)
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()

    await page.getByRole('link', { name: 'Payments', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Payments' }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/dashboard/payments')
    assert.equal(await page.title(), 'Payments · MiniPay')
    await page.goBack()
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await page.keyboard.type('gu')
    await page.getByRole('heading', { level: 1, name: 'Unresolved' }).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('gp?')
    assert.equal(await page.getByRole('combobox', { name: 'Search' }).inputValue(), 'gp?')
    await page.keyboard.press('Tab')
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })

    await page.goto(`${server.url}/dashboard/nowhere`)
    await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
    assert.deepEqual(await axeFindings(page), [])

    // As after an update of the server: the module of the dialog no longer exists.
    await page.route('**/dashboard/key-create.ts', (route) => route.fulfill({ status: 404 }))
    await page.goto(`${server.url}/dashboard/keys`)
    const make = page.getByRole('button', { name: 'Make a key' })
    await make.click()
    const lost = page.getByRole('dialog', { name: 'This part could not be loaded' })
    await lost.waitFor()
    assert.deepEqual(await axeFindings(page), [])
    await page.keyboard.press('Escape')
    await lost.waitFor({ state: 'detached' })
    await make.click()
    await lost.waitFor()
    await page.unroute('**/dashboard/key-create.ts')
    await lost.getByRole('button', { name: 'Load again' }).click()
    await lost.waitFor({ state: 'detached' })
    await make.click()
    await page.getByRole('dialog', { name: 'Make an API key' }).waitFor()

    // A part of a screen: the rest stays, and the request id is the one of the server's log.
    await page.route('**/dashboard/ledger/days.ts', async (route) => {
      const response = await route.fetch({ url: `${server.url}/dashboard/assets/none.js` })
      await route.fulfill({ response })
    })
    await page.goto(`${server.url}/dashboard/ledger?account=merchant&currency=usd`)
    const failure = page.getByRole('alert').filter({ hasText: 'This could not be loaded' })
    await failure.getByText('MiniPay did not respond, or was updated meanwhile.').waitFor()
    assert.match((await failure.getByRole('code').textContent()) ?? '', /^req_/)
    await page.getByRole('heading', { name: 'Trial balance' }).waitFor()
    assert.deepEqual(await axeFindings(page), [])
    await page.unroute('**/dashboard/ledger/days.ts')
    await failure.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('heading', { name: 'merchant by day' }).waitFor()

    // A refusal of the server says its own reason, in a part, a dialog and a screen.
    const refusal = { error: 'MiniPay has too many requests.', code: 'overloaded', request_id: 'req_busy' }
    const refuse = (module: string) =>
      page.route(`**/dashboard/${module}`, (route) => route.fulfill({ status: 503, json: refusal }))
    await Promise.all(['ledger/days.ts', 'key-create.ts', 'screens/audit.ts'].map(refuse))
    const says = async (place: Locator) => {
      await place.getByText(refusal.error).waitFor()
      await place.getByText('Request req_busy').waitFor()
    }
    await page.goto(`${server.url}/dashboard/ledger?account=merchant&currency=usd`)
    await says(failure)
    await page.goto(`${server.url}/dashboard/keys`)
    await make.click()
    await says(lost)
    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: 'Audit log' }).click()
    await says(page.locator('main'))
    assert.deepEqual(await axeFindings(page), [])

    const phone = await openTab(browser, server.url, '/dashboard/', { viewport: PHONE, colorScheme: 'dark' })
    await phone.page.getByRole('button', { name: 'Menu' }).click()
    await phone.page.getByRole('link', { name: 'Webhooks' }).click()
    await phone.page.getByRole('heading', { level: 1, name: 'Webhooks' }).waitFor()
    await phone.page.getByRole('navigation', { name: 'Main' }).waitFor({ state: 'hidden' })
    assert.deepEqual(await axeFindings(phone.page), [])
  },
)
