/** The dashboard while things go wrong: two tabs, a server that is killed in the middle, and names that lie. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Page as Tab } from 'playwright-core'
import { type Charge, client, type Page, type Refund } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { startNode } from '../kit/nodes.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'
import { onlyBank } from '../kit/world.ts'
import { browserTest, openTab, startBrowser } from './browser.ts'
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
          page
            .getByText('Refunded 25.00 USD')
            .waitFor()
            .then(() => 'done'),
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

browserTest(
  'a refund during which the server is killed is made once, under the key of its dialog',
  async (t) => {
    const { bank, env, database } = await onlyBank(t)
    const node = await startNode(database, env)
    atEnd(t, node.kill)
    const { id } = await client(node.url).charge({ amount: 2_500 })
    const browser = await startBrowser(t)
    const { page } = await openTab(browser, node.url, `/dashboard/payments/${id}`)
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
    await dialog.getByRole('alert').waitFor()
    assert.equal(await dialog.getByLabel('Amount in USD').inputValue(), '9.00')
    await node.start()
    await bank.control('POST', '/release')
    // MiniPay finds out what became of the call; until then the same key is told that it is on its way.
    await until('the dialog is done', async () => {
      await button.click({ timeout: 500 }).catch(() => {})
      return (await dialog.count()) === 0
    })
    await until('it is refunded', async () => {
      const { body } = await client(node.url).get<Charge>(`/api/v1/charges/${id}`)
      return body.amount_refunded === 900
    })
    assert.equal(keys.size, 1)
    assert.equal((await refundsOf(node.url, id)).length, 1)
    assert.equal((await bank.statement()).payments[0]?.refunded, 900)
  },
)

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
