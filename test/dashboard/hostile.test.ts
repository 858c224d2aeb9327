/** The dashboard while things go wrong: two tabs, a server that is killed in the middle, and names that lie. */
import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import Database from 'better-sqlite3'
import type { Page as Tab } from 'playwright-core'
import { type Attempt, type Charge, client, type Page, type Refund } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { startNode } from '../kit/nodes.ts'
import { serve } from '../kit/server.ts'
import { onLoopback } from '../kit/sockets.ts'
import { until } from '../kit/until.ts'
import { ENDPOINTS_PATH, makeEndpoint, untilFailed } from '../kit/webhook-endpoints.ts'
import { onlyBank } from '../kit/world.ts'
import { browserTest, openTab, startBrowser, untilSaid } from './browser.ts'
import { signIn } from './screens.ts'

const refundsOf = async (url: string, id: string) =>
  (await client(url).get<Page<Refund>>(`/api/v1/refunds?transaction_id=${id}`)).body.data

/** Opens the dialog that refunds what is left of a payment; returns its button. */
async function refundDialog(page: Tab) {
  await page.getByRole('button', { name: 'Refund…' }).click()
  return page.getByRole('dialog', { name: 'Refund payment' }).getByRole('button', { name: /^Refund / })
}

browserTest(
  'of two tabs that refund the whole payment at once one does, and the other says why not',
  async (t) => {
    const { url } = await serve(t, join(folderOf(t), 'tabs.db'))
    const { id } = await client(url).charge({ amount: 2_500 })
    const browser = await startBrowser(t)
    const tabs = await Promise.all([1, 2].map(() => openTab(browser, url, `/dashboard/payments/${id}`)))
    const buttons = []
    for (const { page } of tabs) buttons.push(await refundDialog(page))
    await Promise.all(buttons.map((button) => button.click()))
    const said = await Promise.all(
      tabs.map(({ page }) =>
        Promise.race([
          untilSaid(page, 'Refunded 25.00 USD').then(() => 'done'),
          page
            .getByRole('dialog')
            .getByRole('alert')
            .getByText(/req_/)
            .waitFor()
            .then(() => 'refused'),
        ]),
      ),
    )
    assert.deepEqual(said.toSorted(), ['done', 'refused'])
    assert.equal((await refundsOf(url, id)).length, 1)
  },
)

/** A payment at a bank, and the open dialog of its refund of 9.00, for which the server was killed before the bank did it. */
async function killedRefund(t: TestContext) {
  const { bank, env, database } = await onlyBank(t)
  const node = await startNode(database, env)
  atEnd(t, node.kill)
  const { id } = await client(node.url).charge({ amount: 2_500 })
  const { page } = await openTab(await startBrowser(t), node.url, `/dashboard/payments/${id}`)
  const keys = new Set<string | undefined>()
  page.on('request', (request) => {
    if (request.method() === 'POST') keys.add(request.headers()['idempotency-key'])
  })
  await bank.arm('refund', 'hold_before')
  const button = await refundDialog(page)
  const dialog = page.getByRole('dialog', { name: 'Refund payment' })
  await dialog.getByLabel('Amount in USD').fill('9.00')
  await button.click()
  await bank.waitFor('received', 'refund', 1)
  await node.kill()
  await dialog.getByRole('alert').getByText('MiniPay may have done it').waitFor()
  assert.equal(await dialog.getByLabel('Amount in USD').inputValue(), '9.00')
  return { bank, node, id, page, keys, button, dialog, refunds: () => refundsOf(node.url, id) }
}

browserTest(
  'a refund during which the server is killed is made once, under the key of its dialog',
  async (t) => {
    const { bank, node, id, keys, button, dialog, refunds } = await killedRefund(t)
    // Before the server starts: a lookup that finds nothing would end the refund.
    await bank.control('POST', '/release')
    await bank.waitFor('done', 'refund', 1)
    await node.start()
    // MiniPay finds out what became of the call; until then a request with the same key learns that it is processing.
    await button.click()
    await dialog.waitFor({ state: 'detached' })
    await until('it is refunded', async () => {
      const { body } = await client(node.url).get<Charge>(`/api/v1/charges/${id}`)
      return body.amount_refunded === 900
    })
    assert.equal(keys.size, 1)
    assert.equal((await refunds()).length, 1)
    assert.equal((await bank.statement()).payments[0]?.refunded, 900)
  },
)

browserTest(
  'a refund that the bank never got, because the server was killed, is made by the press after the one that says so',
  async (t) => {
    const { bank, node, page, keys, button, dialog, refunds } = await killedRefund(t)
    await node.start()
    await until('the lookup found nothing', async () => (await refunds())[0]?.status === 'failed')
    await button.click()
    await dialog.getByRole('alert').getByText('the provider never got the call').waitFor()
    assert.equal(keys.size, 1)
    await button.click()
    await untilSaid(page, 'Refunded 9.00 USD')
    assert.equal(keys.size, 2)
    // The late call, which the bank closed when it found nothing.
    await bank.control('POST', '/release')
    await bank.waitFor('done', 'refund', 2)
    assert.deepEqual(
      (await refunds()).map(({ status }) => status),
      ['partially_refunded', 'failed'],
    )
    assert.equal((await bank.statement()).payments[0]?.refunded, 900)
  },
)

/** A proxy in front of a server that may hide the response to a POST to such a path, which the server got and carried out. */
async function startProxy(url: string, hiddenEnd = '/api/v1/refunds') {
  const instead: { status: number | undefined } = { status: undefined }
  const { hostname, port } = new URL(url)
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url: path = '/', headers } = incoming
    const hidden = method === 'POST' && path.endsWith(hiddenEnd) ? instead.status : undefined
    const passed = request({ hostname, port, method, path, headers }, (response) => {
      if (hidden === undefined) {
        outgoing.writeHead(response.statusCode ?? 502, response.headers)
        response.pipe(outgoing)
      } else
        response.resume().once('end', () => {
          outgoing.writeHead(hidden, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>')
        })
    })
    passed.on('error', () => outgoing.destroy())
    outgoing.on('close', () => passed.destroy())
    incoming.pipe(passed)
  })
  return { ...(await onLoopback(server)), instead }
}

browserTest('an attempt that becomes overdue while its page is open is listed as overdue', async (t) => {
  const { env, database } = await onlyBank(t, { lookup: 'none', idempotent: false })
  const { url } = await serve(t, database, { ...env, MINIPAY_PROVIDER_WAIT_MS: '250' })
  const api = client(url)
  const order = { amount: 500, currency: 'usd', customer: 'cus_1', payment_method: 'tok_fault_cut_after' }
  await api.post('/api/v1/charges', order, { 'idempotency-key': 'order-1' })
  const unknown = async () =>
    (await api.get<Page<Attempt>>('/api/v1/attempts?status=unknown')).body.data.length
  await until('its outcome is unknown', async () => (await unknown()) === 1)
  const { page, assertClean } = await openTab(await startBrowser(t), url, '/dashboard/unresolved')
  await page.locator('tr[data-row]').waitFor()
  const heading = page.getByRole('heading', { name: 'Overdue' })
  assert.equal(await heading.count(), 0)
  const db = new Database(database)
  db.exec(`UPDATE attempts SET unknown_since = unknown_since - 86400000 WHERE state = 'unknown'`)
  db.close()
  await heading.waitFor()
  await page.getByText('A person must resolve it').waitFor()
  assertClean()
})

browserTest(
  'a form without an Idempotency-Key does not promise that a second press is harmless',
  async (t) => {
    const { url } = await serve(t, join(folderOf(t), 'endpoints.db'))
    const proxy = await startProxy(url, '/api/v1/webhook_endpoints')
    atEnd(t, proxy.close)
    const { page } = await openTab(await startBrowser(t), proxy.url, '/dashboard/webhooks')
    await page.getByRole('button', { name: 'Add endpoint' }).first().click()
    const dialog = page.getByRole('dialog', { name: 'Add endpoint' })
    await dialog.getByLabel('URL').fill('http://127.0.0.1:9/')
    proxy.instead.status = 504
    await dialog.getByRole('button', { name: 'Add endpoint' }).click()
    const alert = dialog.getByRole('alert')
    await alert.getByText('see whether it did before you send it again').waitFor()
    assert.equal(await alert.getByText('does it once').count(), 0)
    const { body } = await client(url).get<{ data: { url: string }[] }>('/api/v1/webhook_endpoints')
    assert.equal(body.data.filter((endpoint) => endpoint.url === 'http://127.0.0.1:9/').length, 1)
  },
)

browserTest('a proxy that hides the response to a refund does not make a second one', async (t) => {
  const { url } = await serve(t, join(folderOf(t), 'proxy.db'))
  const proxy = await startProxy(url)
  atEnd(t, proxy.close)
  const { id } = await client(url).charge({ amount: 2_500 })
  const browser = await startBrowser(t)
  const { page } = await openTab(browser, proxy.url, `/dashboard/payments/${id}`)
  const dialog = page.getByRole('dialog', { name: 'Refund payment' })
  const amounts = async () => (await refundsOf(url, id)).map(({ amount }) => amount).toReversed()
  const type = (amount: string) => dialog.getByLabel('Amount in USD').fill(amount)
  const hide = async (status: number, amount: string) => {
    const button = await refundDialog(page)
    await type(amount)
    proxy.instead.status = status
    await button.click()
    await dialog.getByRole('alert').getByText('MiniPay may have done it').waitFor()
    proxy.instead.status = undefined
    return button
  }

  // Pressed again.
  await (await hide(502, '9.00')).click()
  await untilSaid(page, 'Refunded 9.00 USD')
  assert.deepEqual(await amounts(), [900])

  // Closed, opened again, and sent again.
  await hide(504, '5.00')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  const button = await refundDialog(page)
  await type('5.00')
  await button.click()
  await untilSaid(page, 'Refunded 5.00 USD')
  assert.deepEqual(await amounts(), [900, 500])

  // Sent again with another amount: only a reader who saw the first refund can make a second one.
  const changed = await hide(502, '4.00')
  await type('3.00')
  await changed.click()
  await dialog.getByRole('alert').getByText('may have gone through').waitFor()
  assert.equal(await changed.isDisabled(), true)
  await page.getByText('Refund of 4.00 USD').waitFor()
  await dialog.getByRole('button', { name: 'Close' }).click()
  assert.deepEqual(await amounts(), [900, 500, 400])
  await (await refundDialog(page)).click()
  await untilSaid(page, 'Refunded 7.00 USD')
  assert.deepEqual(await amounts(), [900, 500, 400, 700])
})

browserTest('a proxy that hides the response to a retry does not start a second replay', async (t) => {
  const { url } = await serve(t, join(folderOf(t), 'replays.db'))
  const proxy = await startProxy(url, '/replays')
  atEnd(t, proxy.close)
  const api = client(url)
  const { id } = await makeEndpoint(api, { url: 'http://127.0.0.1:9/', retry_delays_seconds: [] })
  await api.charge()
  await untilFailed(api, id, 1)
  // Disabled, its replays wait: so a second one would be seen.
  await api.post(`${ENDPOINTS_PATH}/${id}/disable`)
  const replays = async () =>
    (await api.get<Page<object>>(`${ENDPOINTS_PATH}/${id}/replays`)).body.data.length
  const { page } = await openTab(await startBrowser(t), proxy.url, `/dashboard/webhooks/${id}`)
  const open = async () => {
    await page.getByRole('button', { name: 'Retry all that failed since…' }).click()
    return page.getByRole('dialog').getByRole('button', { name: 'Retry 1' })
  }
  const button = await open()
  await page.getByText('1 failed delivery to').waitFor()
  proxy.instead.status = 502
  await button.click()
  await page.getByRole('alert').getByText('MiniPay does it once').waitFor()
  assert.equal(await replays(), 1)
  await page.reload()
  proxy.instead.status = undefined
  await (await open()).dblclick()
  await page.getByRole('dialog', { name: 'A delivery is being sent again' }).waitFor()
  assert.equal(await replays(), 1)
})

browserTest(
  'a name that leads to this machine, and a page of another site, can neither read nor act',
  async (t) => {
    const database = join(folderOf(t), 'names.db')
    const { secret } = await inDatabase(database, ({ key }) => key({ name: 'desk', mode: 'test' }))
    const keyed = await serve(t, database)
    const keyless = await serve(t, join(folderOf(t), 'open.db'))
    const browser = await startBrowser(t, ['--host-resolver-rules=MAP *.example 127.0.0.1'])
    const charge = { amount: 500, currency: 'usd', customer: 'cus_1' }
    const act = (page: Tab, url: string) =>
      page.evaluate(
        async ([target, body]) => {
          const headers = { 'content-type': 'application/json', 'x-minipay-dashboard': '1' }
          const read = await fetch(`${target}/api/v1/charges`, { credentials: 'include' })
            .then((response) => response.status)
            .catch(() => 'hidden')
          const made = await fetch(`${target}/api/v1/charges`, {
            ...{ method: 'POST', credentials: 'include', headers, body: body ?? '' },
          })
            .then((response) => response.status)
            .catch(() => 'hidden')
          return [read, made]
        },
        [url, JSON.stringify(charge)],
      )
    for (const [server, headers] of [
      [keyed, bearer(secret)],
      [keyless, {}],
    ] as const) {
      const { page } = await openTab(browser, server.url)
      if (server === keyed) await signIn(page, secret)
      const { port } = new URL(server.url)
      // The page of the server itself under a name of the attacker: the same origin for the browser.
      const rebound = `http://rebinding.example:${port}`
      await page.goto(`${rebound}/dashboard/`)
      for (const status of await act(page, rebound)) assert.ok(status === 401 || status === 403, `${status}`)
      // And a page of that name that calls the server by its address.
      for (const status of await act(page, server.url)) assert.ok(status === 'hidden', `${status}`)
      const { body } = await client(server.url, headers).get<Page<Charge>>('/api/v1/charges')
      assert.deepEqual(body.data, [])
    }
  },
)
