/** What operators do in a real browser: look up, resolve, pause, and close; and what the API then says. */
import assert from 'node:assert/strict'
import type { AuditEntryView } from '../../src/api/minipay/audit-schemas.ts'
import type { ProviderView } from '../../src/api/minipay/provider-schemas.ts'
import { type Alarm, type Attempt, type Charge, type Dispute, type Page, until } from '../kit/client.ts'
import { atEnd } from '../kit/folders.ts'
import { ruleTo, startWorld } from '../kit/world.ts'
import { axeFindings, browserTest, openTab, PHONE, startBrowser, untilSaid } from './browser.ts'
import { savedBy } from './screens.ts'

const HOSTILE = '<b>seen</b> at the bank \u202e'

browserTest('operators look up, resolve, pause and close, and see payments settle', async (t) => {
  const world = await startWorld({
    banks: ['bank_a'],
    providers: {
      mute: { bank: 'bank_a', lookup: 'none', idempotent: false },
      bank_a: { bank: 'bank_a', payment_url: 'https://bank.example/payments/{reference}?tab=1' },
    },
    env: { MINIPAY_PROVIDER_WAIT_MS: '250', MINIPAY_PUBLIC_URL: 'https://pay.example.com/' },
  })
  atEnd(t, world.close)
  await world.notify()
  await world.route({ rules: [ruleTo('mute', ['mute'])], default: { providers: ['bank_a'] } })
  const { api } = world
  const bank = world.bank('bank_a')
  await bank.faults({ late_ms: 600_000 })
  const openOf = async (id: string, status: string): Promise<Attempt> =>
    (
      await until(
        () => api.attempts(id),
        ([one]) => one?.status === status,
      )
    )[0] as Attempt
  const lost = async () => {
    const fields = { payment_method: 'tok_fault_cut_after', metadata: { to: 'mute' } }
    return openOf((await world.tryCharge(fields)).body.id, 'unknown')
  }
  const [mine, theirs] = [await lost(), await lost()]
  const late = async () =>
    openOf((await world.tryCharge({ payment_method: 'tok_fault_late' })).body.id, 'pending')
  const [asked, watched] = [await late(), await late()]
  const chargeOf = async ({ transaction_id: id }: Attempt) =>
    (await api.get<Charge>(`/api/v1/charges/${id}`)).body

  const providerNow = async () => {
    const { body } = await api.get<Page<ProviderView>>('/api/v1/providers')
    return body.data.find(({ name }) => name === 'bank_a') ?? assert.fail()
  }
  const browser = await startBrowser(t)
  const { page, faults, assertClean } = await openTab(browser, world.server.url, '/dashboard/unresolved')
  const row = (id: string) => page.locator(`tr[data-row="${id}"]`)

  const { text: saved } = await savedBy(page, page.getByRole('button', { name: 'Export CSV' }))
  assert.deepEqual(
    saved
      .split('\r\n')
      .slice(1, -1)
      .map((line) => line.split(',')[0]),
    [mine.id, theirs.id, asked.id, watched.id],
  )

  // The oldest first; a lookup says what it found, and the row stays where it is.
  await row(mine.id).waitFor()
  const rows = () =>
    page.locator('tr[data-row]').evaluateAll((all) => all.map((one) => one.getAttribute('data-row')))
  assert.deepEqual(await rows(), [mine.id, theirs.id, asked.id, watched.id])
  assert.deepEqual(await axeFindings(page), [])
  // The provider's own page, in a window that knows nothing of this one.
  const there = row(asked.id).getByRole('link', { name: 'Open at bank_a' })
  const address = `https://bank.example/payments/${asked.provider_reference}?tab=1`
  assert.equal(await there.getAttribute('href'), address)
  assert.equal(await there.getAttribute('rel'), 'noopener noreferrer')
  assert.equal(
    await row(mine.id)
      .getByRole('link', { name: /^Open at/ })
      .count(),
    0,
    'it has no page',
  )
  const look = (id: string) =>
    row(id)
      .getByRole('button', { name: `Look up now ${id}` })
      .click()
  await look(asked.id)
  await row(asked.id).getByText('Looked up just now: the provider reports the outcome later').waitFor()
  assert.equal(
    await row(mine.id)
      .getByRole('button', { name: /^Look up/ })
      .count(),
    0,
    'it has no lookups',
  )
  // While another person's lookup runs, the row says so.
  await bank.arm('lookup', 'hold_before')
  const { received } = await bank.control<{ received: { lookup: number } }>('GET', '/calls')
  const running = api.post(`/api/v1/attempts/${asked.id}/lookup`, {})
  await bank.control('GET', `/calls?operation=lookup&received=${received.lookup + 1}`)
  await look(asked.id)
  await row(asked.id)
    .getByRole('alert')
    .getByText(/MiniPay is looking up the attempt now.*Request req_/)
    .waitFor()
  await bank.control('POST', '/release')
  await running
  assert.match(faults.splice(0).join(), /^[^,]*409 \(Conflict\)$/)
  await bank.control('POST', '/finish')
  // The bank notifies MiniPay; no person touches the page.
  for (const attempt of [watched, asked])
    await row(attempt.id).getByText('Succeeded', { exact: true }).waitFor()
  assert.equal((await chargeOf(watched)).status, 'succeeded')
  assert.deepEqual(await rows(), [mine.id, theirs.id, asked.id, watched.id])

  // The attempt in the payment's story leads there, too.
  const story = await openTab(browser, world.server.url, `/dashboard/payments/${watched.transaction_id}`)
  const told = story.page.getByRole('region', { name: 'What happened' })
  assert.equal(
    await told.getByRole('link', { name: 'Open at bank_a' }).getAttribute('href'),
    `https://bank.example/payments/${watched.provider_reference}?tab=1`,
  )
  assert.deepEqual(await axeFindings(story.page), [])
  story.assertClean()
  await story.context.close()

  // A person gives the outcome: reference, reason and amount are typed.
  const dialog = page.getByRole('dialog', { name: 'Resolve attempt' })
  const fill = async (reference: string) => {
    await dialog.getByLabel('What the provider shows').selectOption('succeeded')
    await dialog.getByText('Captures and refunds need the reference').waitFor()
    await dialog.getByLabel("The provider's reference").fill(reference)
    await dialog.getByLabel('Reason').fill(HOSTILE)
    const submit = dialog.getByRole('button', { name: /^Resolve 25\.00 USD as succeeded$/ })
    assert.equal(await submit.isDisabled(), true)
    await dialog.getByLabel('Type 25.00 to confirm').fill('25.00')
    return submit
  }
  await row(mine.id)
    .getByRole('button', { name: `Resolve ${mine.id}` })
    .click()
  const [{ payment = '' } = {}] = await world.stated('bank_a', mine.transaction_id)
  const submit = await fill(payment)
  assert.deepEqual(await axeFindings(page), [])
  await submit.dblclick()
  await untilSaid(page, 'Resolved: succeeded')
  const resolved = (await api.get<Attempt>(`/api/v1/attempts/${mine.id}`)).body
  assert.deepEqual(
    [resolved.status, resolved.resolved_by, resolved.provider_reference],
    ['succeeded', 'hand', payment],
  )
  const { body: audit } = await api.get<Page<AuditEntryView>>(`/api/v1/audit?object=${mine.id}`)
  assert.equal(audit.data.length, 1)

  // Two people at once: the second one's words stay in the dialog, with the request id.
  await row(theirs.id)
    .getByRole('button', { name: `Resolve ${theirs.id}` })
    .click()
  const second = await fill('pay_somewhere')
  const [{ payment: other = '' } = {}] = await world.stated('bank_a', theirs.transaction_id)
  const first = { outcome: 'succeeded', provider_reference: other, note: 'I was first.' }
  assert.equal((await api.post(`/api/v1/attempts/${theirs.id}/resolve`, first)).status, 200)
  await second.click()
  await dialog.getByRole('alert').getByText('The attempt is succeeded now, and no longer unknown.').waitFor()
  await dialog.getByRole('alert').getByText(/req_/).waitFor()
  assert.equal(await dialog.getByLabel('Reason').inputValue(), HOSTILE)
  assert.equal((await chargeOf(theirs)).provider_reference, other)
  faults.splice(0)
  await page.keyboard.press('Escape')
  await page.reload()
  await page.getByText('Nothing is unresolved').waitFor()

  // Pause and resume a provider; another node's pause appears by itself.
  await page.goto(`${world.server.url}/dashboard/providers`)
  const card = page.getByRole('region', { name: 'bank_a' })
  await card.getByText('Breaker closed').waitFor()
  await card.getByText('https://pay.example.com/providers/bank_a/notifications').waitFor()
  const { notifications } = await providerNow()
  assert.ok(notifications !== null && notifications.verified >= 2 && notifications.last_verified_at !== null)
  await card.getByText(`${notifications.verified} verified, 0 refused`).waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await card.getByRole('button', { name: 'Pause bank_a' }).click()
  const pause = page.getByRole('dialog', { name: 'Pause bank_a' })
  await pause.getByLabel('Reason').fill(HOSTILE)
  assert.equal(await pause.getByRole('button', { name: 'Pause bank_a' }).isDisabled(), true)
  await pause.getByLabel('Type bank_a to confirm').fill('bank_a')
  await pause.getByRole('button', { name: 'Pause bank_a' }).click()
  await card.getByText('Paused', { exact: true }).waitFor()
  assert.deepEqual(
    (await providerNow()).pauses.map(({ reason }) => reason),
    [HOSTILE.trim()],
  )
  assert.equal((await world.tryCharge()).status, 502)
  await card.getByRole('button', { name: 'Resume bank_a' }).click()
  await page.getByLabel('Reason').fill('It works again.')
  await page.getByRole('dialog').getByRole('button', { name: 'Resume bank_a' }).click()
  await card.getByText('Paused', { exact: true }).waitFor({ state: 'detached' })
  assert.deepEqual((await providerNow()).pauses, [])
  await api.charge()
  await api.post('/api/v1/providers/mute/pause', { reason: 'by another person' })
  await page.getByRole('region', { name: 'mute' }).getByText('by another person').waitFor()

  // A dispute with its deadline, and an alarm that is closed with a reason.
  const charge = await api.charge()
  await page.goto(`${world.server.url}/dashboard/disputes`)
  await page.getByText('No disputes yet').waitFor()
  await bank.control('POST', '/disputes', { payment: charge.provider_reference })
  await page.getByRole('button', { name: '1 new dispute' }).click()
  await page.getByRole('table', { name: 'Disputes by deadline' }).getByText('in 13 days').waitFor()
  const [dispute] = (await api.get<Page<Dispute>>('/api/v1/disputes')).body.data
  await page.getByText('Needs response').first().waitFor()
  const badge = page.getByRole('link', { name: /^Disputes/ }).locator('.count')
  await badge.getByText('1', { exact: true }).waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await bank.control('POST', `/disputes/${dispute?.provider_reference}`, { status: 'lost' })
  await page.getByText('Lost', { exact: true }).first().waitFor()
  await badge.waitFor({ state: 'detached' })
  await world.tryCharge({ payment_method: 'tok_wrong_amount' })
  await until(
    async () => (await api.get<Page<Alarm>>('/api/v1/alarms?status=open')).body.data,
    (all) => all.length === 1,
  )
  await page.goto(`${world.server.url}/dashboard/alarms`)
  await page.getByText('Amount mismatch').waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await page.getByLabel('Provider').selectOption('mute')
  await page.getByText('No alarm of this provider is open').waitFor()
  await page.goto(`${world.server.url}/dashboard/alarms?provider=bank_a`)
  const alarms = await savedBy(page, page.getByRole('button', { name: 'Export CSV' }))
  assert.match(alarms.text.split('\r\n')[1] ?? '', /^alm_.*,amount_mismatch,bank_a,/)
  await page.getByRole('button', { name: /^Close alm_/ }).click()
  const close = page.getByRole('dialog', { name: 'Close alarm' })
  await close.getByLabel('Reason').fill('The bank has corrected it.')
  await close.getByRole('button', { name: 'Close alarm' }).click()
  await page.getByText('Closed: The bank has corrected it.').waitFor()
  const [alarm] = (await api.get<Page<Alarm>>('/api/v1/alarms')).body.data
  assert.deepEqual([alarm?.status, alarm?.reason], ['closed', 'The bank has corrected it.'])
  assertClean()

  const phone = await openTab(browser, world.server.url, '/dashboard/providers', {
    ...{ viewport: PHONE, colorScheme: 'dark' },
  })
  for (const path of ['providers', 'disputes', 'alarms', 'unresolved']) {
    await phone.page.goto(`${world.server.url}/dashboard/${path}`)
    await phone.page.locator('.fresh').first().waitFor()
    assert.deepEqual(await axeFindings(phone.page), [], path)
    assert.equal(
      await phone.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      true,
      path,
    )
  }
  phone.assertClean()
})
