/** Who may use the dashboard, in a real browser: with keys, without any, and on a stranger's page. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { atEnd, folderOf } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { serve } from '../kit/server.ts'
import { axeFindings, browserTest, openTab, startBrowser } from './browser.ts'

browserTest(
  'a person signs in with a key, sees what it allows, and signs out; revoking it ends the session',
  async (t) => {
    const database = join(folderOf(t), 'keys.db')
    const [admin, desk] = await inDatabase(database, async ({ key }) => [
      await key({ name: 'admin', mode: 'live' }),
      await key({ name: 'desk', mode: 'test', role: 'support' }),
    ])
    const server = await serve(t, database)
    const browser = await startBrowser(t)
    const { page, context } = await openTab(browser, server.url, '/dashboard/payments')
    const field = page.getByLabel('API key')
    await field.waitFor()
    assert.deepEqual(await axeFindings(page), [])
    await field.fill('mp_test_wrong')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('This is not a valid API key').waitFor()
    assert.equal(await field.inputValue(), 'mp_test_wrong')
    await field.fill(desk.secret)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { level: 1, name: 'Payments' }).waitFor()
    // The place that was asked for; the frame of test mode; no place that the key may not see.
    await page.getByText('Test mode').first().waitFor()
    assert.equal(await page.getByRole('link', { name: 'API keys' }).count(), 0)
    assert.equal(await page.getByRole('region', { name: 'Open access' }).count(), 0)
    const stored = JSON.stringify([
      await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }, document.cookie]),
    ])
    assert.ok(!stored.includes(desk.secret) && !stored.includes('minipay_session'))
    assert.deepEqual(
      (await context.cookies()).map(({ httpOnly, sameSite }) => [httpOnly, sameSite]),
      [[true, 'Strict']],
    )

    await page.getByRole('button', { name: 'default' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await field.waitFor()
    assert.deepEqual(await context.cookies(), [])
    await field.fill(admin.secret)
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'API keys' }).waitFor()
    assert.equal(await page.getByText('Test mode').count(), 0)
    // The page notices by itself: its stream ends.
    await call(server.url, 'POST', `/api/v1/keys/${admin.key.id}/revoke`, undefined, bearer(admin.secret))
    await field.waitFor()
  },
)

browserTest(
  'a session that ends in the middle of a refund loses nothing that was typed, and refunds once',
  async (t) => {
    const database = join(folderOf(t), 'middle.db')
    const { secret } = await inDatabase(database, ({ key }) => key({ name: 'desk', mode: 'test' }))
    const { url } = await serve(t, database)
    const order = { amount: 5000, currency: 'usd', customer: 'cus_1' }
    const { body } = await call<{ id: string }>(url, 'POST', '/api/v1/charges', order, bearer(secret))
    const browser = await startBrowser(t)
    const { page, context } = await openTab(browser, url, `/dashboard/payments/${body.id}`)
    const signIn = async () => {
      await page.getByLabel('API key').fill(secret)
      await page.keyboard.press('Enter')
      await page.getByLabel('API key').waitFor({ state: 'detached' })
    }
    await signIn()
    await page.getByRole('button', { name: 'Refund…' }).click()
    const amount = page.getByRole('dialog').getByLabel('Amount')
    await amount.fill('12.41')
    await context.clearCookies()
    await page.getByRole('button', { name: 'Refund 12.41 USD' }).click()
    await signIn()
    assert.equal(await amount.inputValue(), '12.41')
    await page.getByRole('button', { name: 'Refund 12.41 USD' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    const charge = await call<Record<string, number>>(
      url,
      'GET',
      `/api/v1/charges/${body.id}`,
      undefined,
      bearer(secret),
    )
    assert.equal(charge.body['amount_refunded'], 1241)
  },
)

browserTest('a page on another port of this host cannot act with the session, nor without one', async (t) => {
  const database = join(folderOf(t), 'ports.db')
  const made = await inDatabase(database, ({ key }) => key({ name: 'desk', mode: 'test' }))
  const keyed = await serve(t, database)
  const keyless = await serve(t, join(folderOf(t), 'keyless.db'))
  const stranger = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>stranger</title>')
  })
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => new Promise((resolve) => stranger.close(resolve)))
  const browser = await startBrowser(t)
  const { page } = await openTab(browser, keyed.url)
  await page.getByLabel('API key').fill(made.secret)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1 }).waitFor()
  for (const [{ url }, headers] of [
    [keyed, bearer(made.secret)],
    [keyless, {}],
  ] as const) {
    const order = { amount: 500, currency: 'usd', customer: 'cus_1', capture: false }
    const { body } = await call<{ id: string }>(url, 'POST', '/api/v1/charges', order, headers)
    const capture = `/api/v1/charges/${body.id}/capture`
    await page.goto(`http://127.0.0.1:${(stranger.address() as AddressInfo).port}/`)
    const sent = await page.evaluate(async (target) => {
      await fetch(target, { method: 'POST', mode: 'no-cors', credentials: 'include' }).catch(() => {})
      const read = await fetch(target, { method: 'POST', credentials: 'include' }).catch(() => 'hidden')
      return read === 'hidden'
    }, url + capture)
    assert.ok(sent)
    const charge = await call<{ status: string }>(
      url,
      'GET',
      `/api/v1/charges/${body.id}`,
      undefined,
      headers,
    )
    assert.equal(charge.body.status, 'authorized')
  }
})

browserTest('without keys, a lasting bar says that everybody on this machine can act', async (t) => {
  const server = await serve(t, join(folderOf(t), 'open.db'))
  const browser = await startBrowser(t)
  const { page } = await openTab(browser, server.url)
  const bar = page.getByRole('region', { name: 'Open access' })
  await bar.getByText('everybody on this machine can act here').waitFor()
  await bar.getByRole('link', { name: 'Make a key' }).click()
  await page.getByRole('heading', { level: 1, name: 'API keys' }).waitFor()
  await page.getByRole('button', { name: 'default' }).click()
  await page.getByLabel('Theme').selectOption('dark')
  await page.reload()
  await bar.waitFor()
  assert.equal(await page.evaluate(() => document.documentElement.dataset['theme']), 'dark')
  assert.deepEqual(await axeFindings(page), [])
})
