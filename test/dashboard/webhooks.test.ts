/** Webhooks and events in a real browser: what a person does there, against what the API then says. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { EventView } from '../../src/api/minipay/event-schemas.ts'
import type { WebhookEndpointView } from '../../src/api/minipay/webhook-endpoint-schemas.ts'
import type { WebhookReplayView } from '../../src/api/minipay/webhook-replay-schemas.ts'
import { client, type Page as ListPage, until } from '../kit/client.ts'
import { atEnd, folderOf } from '../kit/folders.ts'
import { startReceiver } from '../kit/receiver.ts'
import { serve } from '../kit/server.ts'
import {
  DELIVERIES_PATH,
  deliveriesNow,
  deliveryNow,
  ENDPOINTS_PATH,
  endpointNow,
  makeEndpoint,
  untilFailed,
} from '../kit/webhook-endpoints.ts'
import { axeFindings, browserTest, openTab, startBrowser } from './browser.ts'
import { savedBy } from './screens.ts'

const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name }).waitFor()
const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).first().click()
/** The button of the open dialog that sends its form. */
const submit = (page: Page, name: string | RegExp) =>
  page.getByRole('dialog').getByRole('button', { name }).click()

browserTest('a person makes, tests, repairs, changes and deletes a webhook endpoint', async (t) => {
  const server = await serve(t, join(folderOf(t), 'webhooks.db'), { WEBHOOK_TARGET: '' })
  const api = client(server.url)
  let status = 200
  const receiver = await startReceiver(
    (_webhook, response) => void response.writeHead(status).end('so it is'),
  )
  atEnd(t, receiver.close)
  const charge = () => api.post('/api/v1/charges', { amount: 900, currency: 'usd', customer: 'cus_1' })
  const browser = await startBrowser(t)
  const { page, faults } = await openTab(browser, server.url, '/dashboard/webhooks')

  await page.getByRole('heading', { name: 'No webhook endpoint yet' }).waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await press(page, 'Add endpoint')
  await page.getByLabel('URL').fill('ftp://shop.example')
  await submit(page, 'Add endpoint')
  await page.getByRole('alert').waitFor()
  assert.equal(await page.getByLabel('URL').inputValue(), 'ftp://shop.example', 'what was typed stays')
  await page.getByLabel('URL').fill(receiver.url)
  await page.getByText('Format, order, limits and headers').click()
  await page.getByLabel('Seconds between attempts').fill('0')
  await submit(page, 'Add endpoint')
  await page.getByRole('dialog', { name: 'Store the secret' }).waitFor()
  assert.match((await page.getByRole('textbox', { name: 'Secret' }).textContent()) ?? '', /^whsec_/)
  await submit(page, 'I have stored it')
  await heading(page, /webhook/)
  const { body } = await api.get<ListPage<WebhookEndpointView>>(ENDPOINTS_PATH)
  const [endpoint = assert.fail()] = body.data
  assert.deepEqual([endpoint.url, endpoint.retry_delays_seconds], [receiver.url, [0]])
  const now = () => endpointNow(api, endpoint.id)

  await press(page, 'Send test event')
  await submit(page, 'Send test event')
  await page.getByRole('dialog', { name: 'The test event was delivered' }).waitFor()
  assert.equal(receiver.received.length, 1)
  await submit(page, 'Close')

  status = 500
  for (let i = 0; i < 3; i++) await charge()
  await until(now, ({ failed }) => failed === 3)
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Webhooks' }).click()
  await press(page, 'Retry 3')
  await page.getByText('3 failed deliveries to').waitFor()
  assert.deepEqual(await axeFindings(page), [])
  assert.equal((await now()).failed, 3, 'nothing is done before it is confirmed')
  status = 200
  await submit(page, 'Retry 3')
  await page.getByRole('dialog', { name: 'Retry finished' }).waitFor()
  await page.getByText('3 of 3 sent, 3 delivered.').waitFor()
  assert.equal((await now()).failed, 0)
  await submit(page, 'Close')

  await page.getByRole('table').getByRole('link').first().click()
  await heading(page, /webhook/)
  await page.getByRole('cell', { name: 'Delivered' }).first().waitFor()
  const saved = await savedBy(page, page.getByRole('button', { name: 'CSV' }))
  assert.equal(saved.text.split('\r\n').length, 3 + 2)
  assert.deepEqual(await axeFindings(page), [])
  await page.getByRole('link', { name: 'payment.succeeded' }).first().click()
  await heading(page, /payment.succeeded/)
  await page.getByText('The receiver responded with 500').first().waitFor()
  await page.getByText('so it is').first().waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await press(page, 'Send again')
  await submit(page, 'Send again')
  const [newest = assert.fail()] = await deliveriesNow(api)
  const again = await until(
    () => deliveryNow(api, newest.id),
    ({ attempts_made: made }) => made.at(-1)?.reason === 'manual',
  )
  assert.equal(again.status, 'delivered')
  await page.getByText('Sent again by a person').waitFor()

  await page.goto(`${server.url}/dashboard/webhooks/${endpoint.id}`)
  await press(page, 'Edit')
  await page.getByRole('textbox', { name: 'Events' }).fill('payment.*, refund.failed')
  await submit(page, 'Save endpoint')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  assert.deepEqual((await now()).events, ['payment.*', 'refund.failed'])
  await press(page, 'More actions')
  await press(page, 'Disable…')
  await submit(page, 'Disable endpoint')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  assert.equal((await now()).status, 'disabled')
  await press(page, 'More actions')
  await press(page, 'Enable…')
  await submit(page, 'Enable endpoint')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  assert.equal((await now()).status, 'enabled')
  await press(page, 'More actions')
  await press(page, 'Rotate secret…')
  await submit(page, 'Rotate secret')
  await page.getByRole('dialog', { name: 'Store the secret' }).waitFor()
  await submit(page, 'I have stored it')
  assert.notEqual((await now()).former_secret_until, null)
  await press(page, 'More actions')
  await press(page, 'Delete…')
  const confirm = page.getByRole('dialog').getByRole('button', { name: 'Delete endpoint' })
  assert.equal(await confirm.isDisabled(), true)
  await page.getByRole('dialog').getByRole('textbox').fill(new URL(receiver.url).host)
  await confirm.click()
  await page.getByRole('heading', { name: 'No webhook endpoint yet' }).waitFor()
  assert.equal((await api.get(`${ENDPOINTS_PATH}/${endpoint.id}`)).status, 404)
  assert.equal((await api.get(`${DELIVERIES_PATH}/${newest.id}`)).status, 200)
  // The browser itself says so of a response with an error, such as that of the wrong URL.
  assert.deepEqual(
    faults.filter((fault) => !fault.includes('the server responded with a status of 4')),
    [],
  )
})

browserTest(
  'a person retries what failed since a time, cancels that replay, and retries everywhere',
  async (t) => {
    const server = await serve(t, join(folderOf(t), 'replays.db'), { WEBHOOK_TARGET: '' })
    const api = client(server.url)
    let respond = (response: ServerResponse): void => void response.writeHead(500).end()
    const receiver = await startReceiver((_webhook, response) => respond(response))
    atEnd(t, receiver.close)
    const endpoints = [
      await makeEndpoint(api, { url: receiver.url, retry_delays_seconds: [] }),
      await makeEndpoint(api, { url: `${receiver.url}/other`, retry_delays_seconds: [] }),
    ] as const
    const [{ id }] = endpoints
    const charge = () => api.post('/api/v1/charges', { amount: 900, currency: 'usd', customer: 'cus_1' })
    for (let i = 0; i < 3; i++) await charge()
    for (const endpoint of endpoints) await untilFailed(api, endpoint.id, 3)
    const browser = await startBrowser(t)
    const { page, assertClean } = await openTab(browser, server.url, `/dashboard/webhooks/${id}`)

    await press(page, 'Retry all that failed since…')
    await page.getByText('3 failed deliveries to').waitFor()
    await page.getByLabel('Since', { exact: true }).fill('2100-01-01T00:00')
    await page.getByText('0 failed deliveries to').waitFor()
    assert.equal(await page.getByRole('dialog').getByRole('button', { name: 'Retry 0' }).isDisabled(), true)
    await page.getByLabel('Since', { exact: true }).fill('2020-01-01T00:00')
    await page.getByText('3 failed deliveries to').waitFor()
    assert.deepEqual(await axeFindings(page), [])
    assert.equal((await endpointNow(api, id)).failed, 3, 'nothing is done before it is confirmed')
    const held: ServerResponse[] = []
    respond = (response) => void held.push(response)
    await submit(page, 'Retry 3')
    await page.getByRole('dialog', { name: 'Deliveries are being sent again' }).waitFor()
    await submit(page, 'Close')
    const path = `${ENDPOINTS_PATH}/${id}/replays`
    const [replay = assert.fail()] = (await api.get<ListPage<WebhookReplayView>>(path)).body.data
    assert.deepEqual([replay.kind, replay.status, replay.total], ['failed', 'running', 3])
    const table = page.getByRole('table', { name: 'Replays of this endpoint' })
    await table.getByText('0 of 3 sent, 0 delivered').waitFor()
    assert.deepEqual(await axeFindings(page), [])
    // What a canceled replay has begun to send is sent: here, all of it.
    await until(
      async () => held.length,
      (n) => n === 3,
    )
    await table.getByRole('button', { name: 'Cancel…' }).click()
    await submit(page, 'Cancel replay')
    await table.getByText('Canceled').waitFor()
    const now = await api.get<WebhookReplayView>(`/api/v1/webhook_replays/${replay.id}`)
    assert.equal(now.body.status, 'canceled')

    respond = (response) => void response.writeHead(500).end()
    for (const response of held) respond(response)
    for (const endpoint of endpoints) await untilFailed(api, endpoint.id, 3)
    respond = (response) => void response.writeHead(200).end()
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Webhooks' }).click()
    await press(page, 'Retry all failed…')
    await page.getByText('6 failed deliveries to 2 endpoints').waitFor()
    await submit(page, 'Retry 6')
    await page.getByRole('dialog', { name: 'Retry finished' }).waitFor()
    await page.getByText('6 of 6 sent, 6 delivered.').waitFor()
    for (const endpoint of endpoints) await untilFailed(api, endpoint.id, 0)
    await submit(page, 'Close')

    // From an event to its deliveries, and from one of them to those of its endpoint.
    const { event_id: event, event_sequence: sequence } = (await deliveriesNow(api))[0] ?? assert.fail()
    await page.goto(`${server.url}/dashboard/events/${event}`)
    const ofEvent = page.getByRole('table', { name: 'Deliveries', exact: true })
    for (const { id } of endpoints) await ofEvent.locator(`a[href*="${id}"]`).waitFor()
    const { text } = await savedBy(page, page.getByRole('button', { name: 'CSV' }))
    assert.equal(text.trim().split('\r\n').length, 3, 'a head, and a row for each endpoint')
    assert.deepEqual(await axeFindings(page), [])
    await ofEvent.locator(`a[href*="${id}"]`).click()
    await page.waitForURL(new RegExp(`${id}\\?event_sequence=${sequence}$`))
    await until(
      () => ofEvent.locator('[data-row]').count(),
      (n) => n === 1,
    )
    assert.deepEqual(await axeFindings(page), [])
    assertClean()
  },
)

browserTest('events are shown newest first, come by themselves, and are filtered', async (t) => {
  const server = await serve(t, join(folderOf(t), 'events.db'), { WEBHOOK_TARGET: '' })
  const api = client(server.url)
  const charge = async (customer: string) =>
    (await api.post<{ id: string }>('/api/v1/charges', { amount: 900, currency: 'usd', customer })).body.id
  const browser = await startBrowser(t)
  const { page, assertClean } = await openTab(browser, server.url, '/dashboard/events')
  await page.getByRole('heading', { name: 'No events yet' }).waitFor()
  await page.getByText('New events appear by themselves').waitFor()
  const first = await charge('cus_1')
  await page.getByRole('link', { name: 'payment.succeeded' }).waitFor()
  const second = await charge('cus_2')
  await api.post('/api/v1/refunds', { transaction_id: second, amount: 100 })
  await page.getByRole('link', { name: 'payment.refunded' }).waitFor()
  const types = async () =>
    page
      .getByRole('table')
      .getByRole('link', { name: /^payment/ })
      .allTextContents()
  assert.deepEqual(await types(), ['payment.refunded', 'payment.succeeded', 'payment.succeeded'])
  assert.deepEqual(await axeFindings(page), [])
  const saved = await savedBy(page, page.getByRole('button', { name: 'Export CSV' }))
  assert.equal(saved.text.split('\r\n').length, 3 + 2)

  await page.getByLabel('About').fill(first)
  await page.waitForURL(/object=/)
  await until(types, (shown) => shown.length === 1)
  await page.getByRole('link', { name: 'payment.succeeded' }).click()
  await heading(page, 'payment.succeeded')
  const { body } = await api.get<ListPage<EventView>>(`/api/v1/events?object=${first}`)
  await page.getByText(`"${first}"`).first().waitFor()
  assert.ok(page.url().endsWith(body.data[0]?.id ?? ''))
  assert.deepEqual(await axeFindings(page), [])
  assertClean()
})
