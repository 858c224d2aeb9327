/** The search box of the dashboard in a real browser: what is typed or pasted leads to its object. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { folderOf } from '../kit/folders.ts'
import { charge } from '../kit/http.ts'
import { serve } from '../kit/server.ts'
import { axeFindings, browserTest, openTab, PHONE, startBrowser } from './browser.ts'

browserTest('readers find a payment by what they have of it, with the keyboard alone', async (t) => {
  const server = await serve(t, join(folderOf(t), 'search.db'))
  const { body: one } = await charge(server.url, 'order-1', {
    customer: 'cus_1',
    amount: 1961,
    currency: 'gbp',
  })
  const { body: other } = await charge(server.url, 'order-2', { customer: 'cus_1' })
  const browser = await startBrowser(t)
  const { page, assertClean } = await openTab(browser, server.url)
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  // Shortcuts begin with the live changes.
  await page.getByText('Live', { exact: true }).waitFor()
  const box = page.getByRole('combobox', { name: 'Search' })
  const options = page.getByRole('option')
  const isAt = (id: string) => page.waitForURL(`**/dashboard/payments/${id}`)

  // Top hits at once; Enter follows the first, arrows choose another.
  await page.keyboard.press('Control+k')
  await page.keyboard.type('cus_1')
  await options.nth(1).waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await isAt(one.id)
  assert.equal(await box.inputValue(), '')

  // Enter before the response: the first hit is followed once it is found.
  await page.keyboard.press('/')
  await page.keyboard.type('order-2')
  await page.keyboard.press('Enter')
  await isAt(other.id)

  // An id that is pasted leads straight to its object.
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.evaluate((id) => navigator.clipboard.writeText(id), ` ${one.id}\n`)
  await page.keyboard.press('/')
  await page.keyboard.press('Control+v')
  await isAt(one.id)

  // A screen by its name, an earlier search, and nothing.
  await page.keyboard.press('/')
  await page.keyboard.type('webh')
  await page.getByRole('option', { name: 'Go to Webhooks' }).waitFor()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Webhooks' }).waitFor()
  await page.keyboard.press('/')
  await page.getByRole('option', { name: /order-2/ }).click()
  await page.getByRole('option', { name: /^Payment/ }).click()
  await isAt(other.id)
  await page.keyboard.press('/')
  await page.keyboard.type("<script>'; --")
  await page.getByText('Nothing has exactly this').waitFor()
  await page.keyboard.press('Escape')
  assert.equal(await box.inputValue(), '')
  await page.keyboard.press('Escape')
  assert.equal(await box.evaluate((element) => element === document.activeElement), false)
  assertClean()

  const phone = await openTab(browser, server.url, '/dashboard/', { viewport: PHONE })
  await phone.page.getByRole('combobox', { name: 'Search' }).fill('cus_1')
  await phone.page.getByRole('option').nth(1).click()
  await phone.page.waitForURL(`**/dashboard/payments/${one.id}`)
  phone.assertClean()
})
