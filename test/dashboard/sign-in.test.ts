/** Who may use the dashboard, in a real browser: with keys, without any, and on a stranger's page. */
import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { client } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { call } from '../kit/http.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { serve } from '../kit/server.ts'
import { axeFindings, browserTest, openTab, PHONE, startBrowser } from './browser.ts'
import { savedBy, signIn } from './screens.ts'

/** A MiB of a list. */
const LINES = 'txn_1,25.00,usd,3\n'.repeat(2 ** 16).slice(0, 2 ** 20)

/** The menu of the account is loaded after the first rows. */
async function openMenu(page: Page): Promise<void> {
  await page.locator('#preferences').waitFor({ state: 'attached' })
  await page.getByRole('button', { name: 'default' }).click()
}

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

    await openMenu(page)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await field.waitFor()
    assert.deepEqual(await context.cookies(), [])
    const again = { key: desk.secret }
    for (let i = 0; i < 20; i++)
      await call(server.url, 'POST', '/dashboard/session', again, { 'x-minipay-dashboard': '1' })
    await field.fill(desk.secret)
    await page.keyboard.press('Enter')
    await page
      .getByRole('alert')
      .getByText(/signed in too often. Try again in \d+ seconds/)
      .waitFor()
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
    // Another request of the page may be refused first: then the form to sign in is above the button already.
    await page.getByRole('button', { name: 'Refund 12.41 USD' }).dispatchEvent('click')
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
  /** The cookies that browsers sent to the other port. */
  let stolen = ''
  const stranger = createServer((request, response) => {
    stolen = request.headers.cookie ?? stolen
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
    // Its server has the cookie, and sends what it likes.
    if (url === keyed.url) assert.match(stolen, /minipay_session_\d+=[0-9a-f]{64}/)
    assert.equal(await page.evaluate(() => localStorage.length), 0)
    const own = { cookie: stolen, 'sec-fetch-site': 'same-origin', origin: url }
    for (const proof of url === keyed.url ? [undefined, '1', '0'.repeat(64), stolen.split('=')[1]] : [])
      for (const [method, path] of [
        ['GET', '/api/v1/charges'],
        ['GET', '/api/v1/charges?format=csv'],
        ['POST', capture],
        ['DELETE', '/dashboard/session'],
      ] as const) {
        const headers = { ...own, ...(proof !== undefined && { 'x-minipay-dashboard': proof }) }
        const { status } = await call(url, method, path, undefined, headers)
        assert.ok([401, 403, 429].includes(status), `${method} ${path} ${proof} ${status}`)
      }
  }
  // The person still is signed in, and neither captured nor signed out.
  await page.goto(`${keyed.url}/dashboard/payments`)
  await page.locator('[data-row]').getByText('Authorized').waitFor()
})

browserTest(
  'tabs of a browser share a session: one signs out all of them, and a sign-in continues the others',
  async (t) => {
    const database = join(folderOf(t), 'tabs.db')
    const [desk, other] = await inDatabase(database, async ({ key }) => [
      await key({ name: 'desk', mode: 'test' }),
      await key({ name: 'other', mode: 'live' }),
    ])
    const { url } = await serve(t, database)
    const { id } = await client(url, bearer(desk.secret)).charge({ amount: 5000 })
    const browser = await startBrowser(t)
    const { page, context } = await openTab(browser, url, `/dashboard/payments/${id}`)
    await signIn(page, desk.secret)
    const second = await context.newPage()
    await second.goto(`${url}/dashboard/keys`)
    await second.getByRole('heading', { level: 1, name: 'API keys' }).waitFor()

    // The session ends; what is typed in one tab stays when the other signs in again with the same key.
    await page.getByRole('button', { name: 'Refund…' }).click()
    const amount = page.getByRole('dialog', { name: 'Refund payment' }).getByLabel('Amount')
    await amount.fill('12.41')
    await context.clearCookies()
    // Another request of the page may be refused first: then the form to sign in is above the button already.
    await page.getByRole('button', { name: 'Refund 12.41 USD' }).dispatchEvent('click')
    await page.getByLabel('API key').waitFor()
    await second.reload()
    await signIn(second, desk.secret)
    await page.getByLabel('API key').waitFor({ state: 'detached' })
    assert.equal(await amount.inputValue(), '12.41')

    // Another key in one tab: no tab acts with it under the name of the former.
    await second.evaluate(async (key) => {
      const headers = {
        'content-type': 'application/json',
        'x-minipay-dashboard': localStorage.getItem('minipay.proof') ?? '',
      }
      const options = { method: 'POST', headers, body: JSON.stringify({ key }) }
      const { proof } = await (await fetch('/dashboard/session', options)).json()
      localStorage.setItem('minipay.proof', proof)
    }, other.secret)
    await page.getByRole('button', { name: 'Refund…' }).waitFor({ state: 'detached' })
    await page.getByText('Test mode').waitFor({ state: 'detached' })
    await second.reload()

    await openMenu(second)
    await second.getByRole('button', { name: 'Sign out' }).click()
    for (const tab of [page, second]) {
      await tab.getByLabel('API key').waitFor()
      assert.equal(await tab.getByText('default').count(), 0)
      assert.equal(await tab.evaluate(() => localStorage.getItem('minipay.proof')), null)
    }
  },
)

browserTest('a person sees where the key is signed in, ends one session, and then all others', async (t) => {
  const database = join(folderOf(t), 'sessions.db')
  const [admin, desk] = await inDatabase(database, async ({ key }) => [
    await key({ name: 'admin', mode: 'test' }),
    await key({ name: 'desk', mode: 'test', role: 'support' }),
  ])
  const { url } = await serve(t, database)
  const browser = await startBrowser(t)
  const { page } = await openTab(browser, url)
  await signIn(page, desk.secret)
  const firefox = { 'x-minipay-dashboard': '1', 'user-agent': 'Mozilla/5.0 (Windows NT 10.0) Firefox/128.0' }
  for (const headers of [firefox, { 'x-minipay-dashboard': '1', 'user-agent': '<script>alert(1)</script>' }])
    await call(url, 'POST', '/dashboard/session', { key: desk.secret }, headers)
  const other = await openTab(browser, url, '/dashboard/payments')
  await signIn(other.page, desk.secret)

  // A person without the screen of keys has them in the menu of the account.
  await openMenu(page)
  await page.getByRole('link', { name: 'Your sessions' }).click()
  const rows = page.getByRole('region', { name: 'Sessions', exact: true }).locator('tbody tr')
  await page.getByText('This one').waitFor()
  assert.equal(await rows.count(), 4)
  assert.equal(await rows.filter({ hasText: 'Another browser' }).count(), 1)
  assert.equal(await rows.filter({ hasText: 'Chrome on Linux' }).count(), 2)
  assert.deepEqual(await axeFindings(page), [])
  const windows = rows.filter({ hasText: 'Firefox on Windows' })
  await windows.getByRole('button', { name: 'End…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End the session' }).click()
  await windows.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'End all others…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End all others' }).click()
  await page.getByText('Ended 2 sessions').waitFor()
  // The list is read again meanwhile.
  await rows.nth(1).waitFor({ state: 'detached' })
  assert.equal(await rows.count(), 1)
  // The other browser notices by itself: its stream ends.
  await other.page.getByLabel('API key').waitFor()

  // Who administers keys sees those of each, and ends them.
  const third = await openTab(browser, url, '/dashboard/keys')
  await signIn(third.page, admin.secret)
  await third.page.getByText('This one').waitFor()
  await third.page.getByRole('button', { name: 'Actions for desk' }).click()
  await third.page.getByRole('button', { name: 'Sessions' }).click()
  await third.page.getByRole('heading', { name: 'Sessions of the key' }).waitFor()
  await third.page.getByRole('button', { name: 'End…' }).click()
  await third.page.getByRole('dialog').getByRole('button', { name: 'End the session' }).click()
  await third.page.getByText('No browser is signed in with this key').waitFor()
  await page.getByLabel('API key').waitFor()
})

browserTest('over plain HTTP under a name, a list is saved, and a failure says why', async (t) => {
  const database = join(folderOf(t), 'plain.db')
  const { secret } = await inDatabase(database, ({ key }) => key({ name: 'desk', mode: 'test' }))
  const server = await serve(t, database)
  for (let i = 0; i < 3; i++) await client(server.url, bearer(secret)).charge()
  let csv: 'whole' | 'cut' | 'large' | 'endless' = 'whole'
  const proxy = createServer((incoming, response) => {
    const { method, headers, url = '' } = incoming
    const forward = request(server.url + url, { method, headers }, (inner) => {
      response.writeHead(inner.statusCode ?? 0, inner.headers)
      if (csv === 'whole' || !url.includes('format=csv')) return void inner.pipe(response)
      inner.resume()
      if (csv === 'cut') return void response.write('id', () => response.destroy())
      for (let i = 0; i < 9; i++) response.write(LINES)
      if (csv === 'large') response.end('end')
    })
    incoming.pipe(forward).on('error', () => response.destroy())
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  atEnd(t, async () => {
    proxy.closeAllConnections()
    await new Promise((resolve) => proxy.close(resolve))
  })
  const browser = await startBrowser(t, ['--host-resolver-rules=MAP *.example 127.0.0.1'])
  // Browsers send no Sec-Fetch-Site there.
  const url = `http://pay.example:${(proxy.address() as AddressInfo).port}`
  const { page, faults } = await openTab(browser, url, '/dashboard/payments')
  await signIn(page, secret)
  const button = page.getByRole('button', { name: 'Export CSV' })
  const { text } = await savedBy(page, button)
  assert.equal(text.trim().split('\r\n').length, 4)
  assert.deepEqual(
    faults.filter((fault) => !/401|Cross-Origin-Opener-Policy/.test(fault)),
    [],
  )

  // The API refuses it, and the network cuts it off: both are said, and nothing is saved.
  let saved = 0
  page.on('download', () => saved++)
  const failure = page.locator('.export').getByRole('alert')
  await page.route('**/charges?format=csv', (route) =>
    route.fulfill({
      status: 503,
      json: { error: 'Too many CSV exports are running.', code: 'overloaded', request_id: 'req_full' },
    }),
  )
  await button.click()
  await failure.getByText('Too many CSV exports are running.').waitFor()
  await failure.getByText('req_full').waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await page.setViewportSize(PHONE)
  const { x = -1, width = 0 } = (await failure.boundingBox()) ?? {}
  assert.ok(x >= 0 && x + width <= PHONE.width, `${x} ${width}`)
  await page.locator('.export').getByRole('button', { name: 'Close' }).click()
  await failure.waitFor({ state: 'detached' })
  await page.unroute('**/charges?format=csv')
  csv = 'cut'
  await button.click()
  await failure.getByText('broke off before its end').waitFor()
  await failure.getByText(/req_/).waitFor()
  assert.equal(saved, 0)
  // A large one is put together from parts, and one that the reader stops is not saved.
  csv = 'large'
  const large = await savedBy(page, button)
  assert.equal(large.text.length, 9 * LINES.length + 3)
  assert.ok(large.text.startsWith(LINES) && large.text.endsWith(`${LINES}end`))
  await failure.waitFor({ state: 'detached' })
  csv = 'endless'
  saved = 0
  await button.click()
  await page.getByRole('button', { name: /^Stop · [4-9]\.\d MB/ }).click()
  await button.waitFor()
  assert.equal(saved, 0)
  csv = 'whole'
  assert.equal((await savedBy(page, button)).text, text)
})

browserTest('without keys, a lasting bar says that everybody on this machine can act', async (t) => {
  const server = await serve(t, join(folderOf(t), 'open.db'))
  const browser = await startBrowser(t)
  const { page } = await openTab(browser, server.url)
  const bar = page.getByRole('region', { name: 'Open access' })
  await bar.getByText('everybody on this machine can act here').waitFor()
  await bar.getByRole('link', { name: 'Make a key' }).click()
  await page.getByRole('heading', { level: 1, name: 'API keys' }).waitFor()
  await openMenu(page)
  await page.getByLabel('Theme').selectOption('dark')
  await page.reload()
  await bar.waitFor()
  assert.equal(await page.evaluate(() => document.documentElement.dataset['theme']), 'dark')
  assert.deepEqual(await axeFindings(page), [])
})
