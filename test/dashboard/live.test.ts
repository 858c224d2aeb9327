/** Live changes in a real browser: a server that is killed and comes back, a hidden page, and a proxy that cuts streams. */
import assert from 'node:assert/strict'
import { createServer, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { client } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { charge } from '../kit/http.ts'
import { startNode } from '../kit/nodes.ts'
import { serve } from '../kit/server.ts'
import { until } from '../kit/until.ts'
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

browserTest(
  'of more events than a person can read, new rows are counted, and those that are shown still change',
  async (t) => {
    const { url } = await serve(t, join(folderOf(t), 'many.db'))
    const { body: shown } = await charge(url, 'shown', { customer: 'cus_shown' })
    // However slow the machine is, the page gets the events of all these payments at once.
    const held: (() => void)[] = []
    let isHeld = true
    const proxy = await startProxy(t, url, (_response, pass) => {
      if (isHeld) held.push(pass)
      else pass()
    })
    const browser = await startBrowser(t)
    const { page, context, assertClean } = await openTab(browser, proxy, '/dashboard/payments')
    const row = page.locator('[data-row]', { hasText: 'cus_shown' })
    await row.waitFor()
    await until('the page waits for a stream', () => held.length > 0)
    const many = async (name: string) => {
      for (let i = 0; i < 10; i++)
        await Promise.all(Array.from({ length: 20 }, (_, k) => charge(url, `${name}-${i}-${k}`)))
    }
    await many('before')
    await client(url).refund(shown.id)
    await many('after')
    isHeld = false
    for (const pass of held) pass()
    await page.getByRole('button', { name: /^\d+\+ new payments$/ }).waitFor()
    // Its event was skipped, and the list was read again under it.
    await row.getByText('Refunded').waitFor()
    assert.equal(await page.locator('[data-row]').count(), 1)
    await page.getByRole('button', { name: /new payments$/ }).click()
    await page.locator('[data-row]').nth(10).waitFor()
    assert.equal(await page.getByRole('button', { name: /new payments?$/ }).count(), 0)

    // The log itself: at its top, the newest events come by themselves, without a gap.
    await page.getByRole('link', { name: 'Events', exact: true }).click()
    await page.locator('[data-row]').nth(20).waitFor()
    await many('log')
    const numbers = () =>
      page
        .locator('[data-row] .num')
        .evaluateAll((cells) => cells.map(({ textContent }) => Number(textContent)))
    await until('the newest event is shown', async () => (await numbers())[0] === 602)
    const found = await numbers()
    assert.deepEqual(
      found,
      found.map((_, i) => 602 - i),
    )
    await context.close()
    assertClean()
  },
)

/** A proxy that leaves streams to `onStream`, which responds itself, or passes them through, at once or later. */
async function startProxy(
  t: TestContext,
  url: string,
  onStream: (response: ServerResponse, pass: () => void) => void,
): Promise<string> {
  const target = new URL(url)
  const proxy = createServer((incoming, response) => {
    const { method = 'GET', url: path = '/', headers } = incoming
    const pass = () => {
      const passed = request({ host: target.hostname, port: target.port, method, path, headers }, (found) => {
        response.writeHead(found.statusCode ?? 500, found.headers)
        found.pipe(response)
      })
      passed.on('error', () => response.destroy())
      response.on('close', () => passed.destroy())
      incoming.pipe(passed)
    }
    if (path.startsWith('/api/v1/events/stream')) onStream(response, pass)
    else pass()
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => {
    proxy.closeAllConnections()
    return new Promise((resolve) => proxy.close(resolve))
  })
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

browserTest('where a proxy cuts streams, the page polls', async (t) => {
  const server = await serve(t, join(folderOf(t), 'cut.db'))
  // It waits for the end of a response and gives up at once where there is none.
  const proxy = await startProxy(t, server.url, (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end()
  })
  const browser = await startBrowser(t)
  const { page, context } = await openTab(browser, proxy, '/dashboard/payments')
  await page.locator('.live[title*="five seconds"]').waitFor()
  await charge(server.url, 'polled', { customer: 'cus_polled' })
  await page.getByRole('button', { name: '1 new payment' }).waitFor()
  await context.close()
})

browserTest(
  'a page hears what was stored before its first stream, after a silent one, and without one',
  async (t) => {
    const server = await serve(t, join(folderOf(t), 'streams.db'))
    await charge(server.url, 'shown', { customer: 'cus_shown' })
    const held: { readonly response: ServerResponse; readonly pass: () => void }[] = []
    let isFull = false
    const proxy = await startProxy(t, server.url, (response, pass) => {
      if (!isFull) held.push({ response, pass })
      else
        response
          .writeHead(503, { 'content-type': 'application/json' })
          .end(JSON.stringify({ error: 'Too many clients wait for events.', code: 'overloaded' }))
    })
    const browser = await startBrowser(t)
    const { page, context } = await openTab(browser, proxy, '/dashboard/payments')
    await page.getByText('cus_shown').waitFor()
    await until('the page waits for a stream', () => held.length > 0)
    // The rows are there, and the stream is not: this payment is in neither.
    await charge(server.url, 'between')
    for (const { pass } of held.splice(0)) pass()
    await page.getByRole('button', { name: '1 new payment' }).waitFor()

    // A stream that begins and says nothing any more, as after sleep.
    await page.clock.install()
    await page.reload()
    await page.getByText('cus_shown').waitFor()
    await until('the page waits for a stream again', () => held.length > 0)
    for (const { response } of held)
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const state = page.locator('.live')
    await state.getByText('Live').waitFor()
    isFull = true
    await page.clock.fastForward(46_000)
    await state.getByText('Reconnecting').waitFor()
    await page.clock.fastForward(2_000)
    await page.locator('.live[title*="five seconds"]').waitFor()
    await charge(server.url, 'polled', { customer: 'cus_polled' })
    await page.clock.fastForward(5_000)
    await page
      .getByText('cus_polled')
      .or(page.getByRole('button', { name: '1 new payment' }))
      .first()
      .waitFor()
    await context.close()
  },
)
