/** A newcomer's first minute, with the keyboard alone: a payment, a decline, half of it back, and the webhook. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Page as BrowserPage } from 'playwright-core'
import { type Charge, client, type Page } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { startReceiver } from '../kit/receiver.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'
import { axeFindings, browserTest, openTab, PHONE, startBrowser, untilSaid } from './browser.ts'

/** Presses Tab until the control with this name has the focus. */
async function tabTo(page: BrowserPage, name: string): Promise<void> {
  const found = page
    .getByRole('button', { name, exact: true })
    .or(page.getByRole('link', { name, exact: true }))
  await found.first().waitFor()
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press('Tab')
    if (await found.evaluateAll((elements) => elements.includes(document.activeElement as never))) return
  }
  assert.fail(`${name} cannot be reached by Tab`)
}

browserTest('a newcomer pays, is declined, refunds half and sees the webhook, without a mouse', async (t) => {
  const receiver = await startReceiver()
  t.after(() => receiver.close())
  const server = await serve(t, join(folderOf(t), 'new.db'), { WEBHOOK_TARGET: receiver.url })
  const api = client(server.url)
  const charges = async () => (await api.get<Page<Charge>>('/api/v1/charges')).body.data
  const browser = await startBrowser(t)
  const { page, faults } = await openTab(browser, server.url, '/')
  await page.getByRole('heading', { name: 'Welcome: five things to try' }).waitFor()
  assert.equal(new URL(page.url()).pathname, '/dashboard/')
  assert.deepEqual(await axeFindings(page), [])

  await tabTo(page, 'Make a test payment')
  await page.keyboard.press('Enter')
  const form = page.getByRole('dialog', { name: 'New test payment' })
  await form.waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await page.keyboard.press('Control+A')
  await page.keyboard.type('12.405')
  await form.getByText('USD has 2 decimals at most.').waitFor()
  assert.equal(await form.getByRole('button', { name: 'Charge' }).isDisabled(), true)
  await page.keyboard.press('Backspace')
  await form.getByRole('button', { name: 'Charge 12.40 USD' }).waitFor()
  await page.keyboard.press('Enter')
  await untilSaid(page, 'Charged 12.40 USD')
  const [paid] = await charges()
  assert.deepEqual([paid?.amount, paid?.status, paid?.customer], [1_240, 'succeeded', 'cus_42'])

  // The button of the step that is done goes away, but the focus does not: the next button has it, or the heading.
  await page.getByRole('heading', { name: 'Done: Make a test payment' }).waitFor()
  await page.locator('.first-steps .button:focus, h1:focus').waitFor()
  await tabTo(page, 'Try a declined card')
  await page.keyboard.press('Enter')
  await form.waitFor()
  await page.keyboard.press('Enter')
  await page.getByText('Not charged: The card has insufficient funds.').waitFor()
  const [declined] = await charges()
  assert.equal(declined?.decline_code, 'insufficient_funds')
  assert.equal(new URL(page.url()).pathname, `/dashboard/payments/${declined?.id}`)
  // The browser reports the response with 402 itself.
  assert.match(faults.splice(0).join(), /^[^,]*402 \(Payment Required\)$/)

  await page.keyboard.press('Escape')
  await page.keyboard.type('go')
  await tabTo(page, 'Open the payment')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: /12\.40 USD/ }).waitFor()
  await page.keyboard.press('r')
  await page.getByRole('dialog', { name: 'Refund payment' }).waitFor()
  await page.keyboard.press('Control+A')
  await page.keyboard.type('6.20')
  await page.keyboard.press('Enter')
  await untilSaid(page, 'Refunded 6.20 USD')
  // "r" opened the dialog while the heading had the focus.
  await page.locator('h1:focus').waitFor()
  await tabTo(page, 'Refund…')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'Refund payment' }).waitFor()
  await page.keyboard.press('Escape')
  await page.locator('button:focus', { hasText: 'Refund…' }).waitFor()
  await until('half is refunded', async () =>
    (await charges()).some((charge) => charge.amount_refunded === 620),
  )
  await until('the webhook arrived', async () =>
    receiver.received.some(({ headers }) => headers['x-webhook-event'] === 'payment.refunded'),
  )
  await page.getByText('Delivered').first().waitFor()

  // The guide follows what was done, also by programs, and is the same on a phone.
  const phone = await openTab(browser, server.url, '/dashboard/', { viewport: PHONE, colorScheme: 'dark' })
  await phone.page.getByRole('heading', { name: /^(Done: )?Refund a half$/ }).waitFor()
  assert.deepEqual(await phone.page.locator('.first-steps li.done h3').allTextContents(), [
    'Done: Make a test payment',
    'Done: See a decline',
    'Done: Refund a half',
    'Done: Receive its webhooks',
  ])
  assert.deepEqual(await axeFindings(phone.page), [])
  assert.ok(await phone.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
  await phone.page.getByRole('button', { name: 'Hide' }).click()
  await phone.page.reload()
  await phone.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  assert.equal(await phone.page.locator('.first-steps').count(), 0)
  phone.assertClean()
  assert.deepEqual(faults, [])
})
