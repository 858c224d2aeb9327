/** Live changes in a real browser: a server that is killed and comes back, a hidden page, and a proxy that cuts streams. */
import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { atEnd, folderOf } from '../kit/folders.ts'
import { charge } from '../kit/http.ts'
import { startNode } from '../kit/nodes.ts'
import { serve } from '../kit/server.ts'
import { browserTest, openTab, startBrowser } from './browser.ts'

browserTest(
  'new payments wait behind a count, also after the server was killed and after the page was hidden',
  async (t) => {
    const node = await startNode(join(folderOf(t), 'live.db'))
    atEnd(t, node.kill)
    await charge(node.url, 'first', { customer: 'cus_first' })
    const browser = await startBrowser(t)
    const { page, context } = await openTab(browser, node.url, '/dashboard/payments')
    await page.getByText('cus_first').waitFor()
    const state = page.locator('.live')
    await state.getByText('Live').waitFor()
    await charge(node.url, 'second', { customer: 'cus_second' })
    await page.getByRole('button', { name: '1 new payment' }).waitFor()
    assert.equal(await page.getByText('cus_second').count(), 0)
    await page.getByRole('button', { name: '1 new payment' }).click()
    await page.getByText('cus_second').waitFor()

    await node.kill()
    await state.getByText('Reconnecting').waitFor()
    await node.start()
    await charge(node.url, 'third', { customer: 'cus_third' })
    await state.getByText('Live').waitFor()
    await page
      .getByText('cus_third')
      .or(page.getByRole('button', { name: '1 new payment' }))
      .first()
      .waitFor()

    // Another page in front hides this one: its stream ends, and what it missed follows when it is shown again.
    const hide = (hidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))
      }, hidden)
    await page.goto(`${node.url}/dashboard/payments`)
    await page.getByText('cus_third').waitFor()
    await state.getByText('Live').waitFor()
    await hide(true)
    await state.getByText('Paused').waitFor()
    await charge(node.url, 'fourth', { customer: 'cus_fourth' })
    await hide(false)
    await page.getByRole('button', { name: '1 new payment' }).waitFor()
    await context.close()
  },
)

browserTest('where a proxy cuts streams, the page polls', async (t) => {
  const server = await serve(t, join(folderOf(t), 'cut.db'))
  const target = new URL(server.url)
  const proxy = createServer((incoming, response) => {
    const { method = 'GET', url = '/', headers } = incoming
    // It waits for the end of a response and gives up at once where there is none.
    if (url.startsWith('/api/v1/events/stream')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end()
      return
    }
    const passed = request(
      { host: target.hostname, port: target.port, method, path: url, headers },
      (found) => {
        response.writeHead(found.statusCode ?? 500, found.headers)
        found.pipe(response)
      },
    )
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => {
    proxy.closeAllConnections()
    return new Promise((resolve) => proxy.close(resolve))
  })
  const browser = await startBrowser(t)
  const { page, context } = await openTab(
    browser,
    `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    '/dashboard/payments',
  )
  await page.locator('.live[title*="five seconds"]').waitFor()
  await charge(server.url, 'polled', { customer: 'cus_polled' })
  await page.getByRole('button', { name: '1 new payment' }).waitFor()
  await context.close()
})
