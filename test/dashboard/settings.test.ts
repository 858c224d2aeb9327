/** Keys, accounts, the audit log and the server, in a real browser: what a person does there, and what the API then says. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Page as BrowserPage } from 'playwright-core'
import type { AccountView } from '../../src/api/minipay/account-schemas.ts'
import type { ApiKeyView } from '../../src/api/minipay/key-schemas.ts'
import type { MeView } from '../../src/api/minipay/me-schemas.ts'
import { client, type Page } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { bearer, inDatabase } from '../kit/keys.ts'
import { serve } from '../kit/server.ts'
import { axeFindings, browserTest, openTab, PHONE, startBrowser } from './browser.ts'
import { savedBy } from './screens.ts'

const NAMED = 'web <b>shop</b>'

async function signIn(page: BrowserPage, secret: string): Promise<void> {
  await page.getByLabel('API key').fill(secret)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** The secret that the page shows, once it was stored. */
async function storedSecret(page: BrowserPage): Promise<string> {
  const dialog = page.getByRole('dialog', { name: 'Copy the key' })
  const secret = await dialog.locator('code').textContent()
  assert.deepEqual(await axeFindings(page), [])
  // Escape must not lose the only copy.
  await page.keyboard.press('Escape')
  await dialog.getByRole('button', { name: 'I have stored it' }).click()
  await dialog.waitFor({ state: 'detached' })
  return secret ?? assert.fail('there is no secret')
}

browserTest('a person makes, rolls and revokes keys, reads who did it, and copies diagnostics', async (t) => {
  const server = await serve(t, join(folderOf(t), 'keys.db'))
  const browser = await startBrowser(t)
  const { page, context, faults } = await openTab(browser, server.url, '/dashboard/keys')
  const make = async (name: string) => {
    await page.getByRole('button', { name: 'Make a key' }).first().click()
    await page.getByRole('dialog').getByLabel('Name').fill(name)
  }
  const submit = () => page.getByRole('dialog').getByRole('button', { name: 'Make the key' }).click()
  const action = async (name: string, label: string) => {
    await page.getByRole('button', { name: `Actions for ${name}` }).click()
    await page
      .getByRole('group', { name: `Actions for ${name}` })
      .getByRole('button', { name: label })
      .click()
  }
  const me = (secret: string) => client(server.url, bearer(secret)).get<MeView>('/api/v1/me')

  await page.getByText('No keys yet').waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await make('my laptop')
  assert.deepEqual(await axeFindings(page), [])
  // The first key is an administrator's unless the person chooses another role, whose consequence the dialog says.
  const note = page.getByRole('dialog').getByRole('status')
  const lockedOut = /keys create .* --role administrator/
  assert.doesNotMatch((await note.textContent()) ?? '', lockedOut)
  await page.getByLabel('Role').selectOption('application')
  await note.getByText(/cannot make an administrator's/).waitFor()
  assert.match((await note.textContent()) ?? '', lockedOut)
  await page.getByLabel('Role').selectOption('administrator')
  await page.getByLabel('Expires').selectOption('1')
  await note.getByText(/may stop working/).waitFor()
  await page.getByLabel('Expires').selectOption('')
  await note.getByText(/You then sign in here/).waitFor()
  await submit()
  const first = await storedSecret(page)
  assert.equal((await me(first)).body.key?.role, 'administrator')
  // From now on the page needs it, too.
  await signIn(page, first)
  await page.getByText('my laptop · yours').waitFor()
  faults.length = 0

  await make(NAMED)
  assert.equal(await page.getByRole('dialog').getByText('first key').count(), 0)
  await page.getByLabel('Role').selectOption('own')
  await page.getByLabel('refunds:write').check()
  await page.getByLabel('Expires').selectOption('30')
  await page.getByLabel('Addresses that may use it').fill('not an address')
  await submit()
  const problem = page.getByRole('dialog').getByRole('alert')
  await problem.getByText(/req_/).waitFor()
  assert.equal(await page.getByLabel('Addresses that may use it').inputValue(), 'not an address')
  assert.match(faults.splice(0).join(), /400/)
  await page.getByLabel('Addresses that may use it').fill('127.0.0.0/8, ::1')
  await submit()
  const shop = await storedSecret(page)
  const { body } = await me(shop)
  assert.deepEqual([body.key?.name, body.permissions], [NAMED, ['refunds:read', 'refunds:write']])
  await page.getByText(NAMED).waitFor()
  assert.deepEqual(await axeFindings(page), [])

  await action(NAMED, 'Roll')
  await page.getByLabel('The old key still works for').selectOption('0')
  await page.getByRole('button', { name: 'Roll the key' }).click()
  const rolled = await storedSecret(page)
  assert.equal((await me(rolled)).status, 200)
  assert.equal((await me(shop)).status, 401)

  const { id } = (await me(rolled)).body.key ?? assert.fail()
  await page.getByText('Expired').waitFor()
  await action(NAMED, 'Revoke')
  const revoke = page.getByRole('button', { name: 'Revoke the key' })
  assert.equal(await revoke.isDisabled(), true)
  await page.getByLabel(`Type the name of the key: ${NAMED}`).fill(NAMED)
  await revoke.click()
  await page.getByText('Revoked', { exact: true }).waitFor()
  const api = client(server.url, bearer(first))
  assert.notEqual((await api.get<ApiKeyView>(`/api/v1/keys/${id}`)).body.revoked_at, null)

  await page.getByRole('link', { name: 'Audit log' }).click()
  await page.getByLabel('Action').selectOption('key.revoked')
  await page.locator('td').getByText('Key: rolled', { exact: true }).waitFor({ state: 'detached' })
  await page.locator('details.change summary').getByText('revoked_at').click()
  assert.equal(await page.getByText('You', { exact: true }).count(), 1)
  assert.deepEqual(await axeFindings(page), [])
  const { text } = await savedBy(page, page.getByRole('button', { name: 'Export CSV' }))
  assert.match(text, /key\.revoked/)
  assert.doesNotMatch(text, /key\.created/)
  await page.getByLabel('Object').fill('nothing')
  await page.getByText('Nothing matches these filters').waitFor()

  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByRole('link', { name: 'System' }).click()
  // The word is there for a moment only.
  await Promise.all([
    page.getByRole('button', { name: 'Copied' }).waitFor(),
    page.getByRole('button', { name: 'Copy diagnostics' }).click(),
  ])
  const copied: Record<string, unknown> = JSON.parse(
    await page.evaluate(() => navigator.clipboard.readText()),
  )
  assert.deepEqual([copied['version'], copied['mode'], copied['access']], ['0.1.0', 'test', 'key'])
  assert.ok(!JSON.stringify(copied).includes(server.database))
  assert.deepEqual(await axeFindings(page), [])
  assert.deepEqual(faults, [])

  const storageState = await context.storageState()
  for (const path of ['keys', 'audit', 'system']) {
    const phone = await openTab(browser, server.url, `/dashboard/${path}`, {
      ...{ viewport: PHONE, colorScheme: 'dark', storageState },
    })
    await phone.page.locator('main .table, main .figures').first().waitFor()
    assert.deepEqual(await axeFindings(phone.page), [])
    assert.ok(await phone.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), path)
    await phone.context.close()
  }
})

browserTest('a live key of the first account makes, renames and closes accounts', async (t) => {
  const database = join(folderOf(t), 'accounts.db')
  const admin = await inDatabase(database, ({ key }) => key({ name: 'admin', mode: 'live' }))
  const server = await serve(t, database)
  const api = client(server.url, bearer(admin.secret))
  const accounts = async () => (await api.get<Page<AccountView>>('/api/v1/accounts')).body.data
  const browser = await startBrowser(t)
  const { page } = await openTab(browser, server.url, '/dashboard/accounts')
  await signIn(page, admin.secret)
  await page.getByRole('button', { name: 'Make an account' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Shop in Lisbon')
  await page.getByRole('dialog').getByRole('button', { name: 'Make the account' }).click()
  await page.getByText('Shop in Lisbon', { exact: true }).waitFor()
  assert.deepEqual(await axeFindings(page), [])
  const action = async (label: string) => {
    await page.getByRole('button', { name: 'Actions for Shop in' }).click()
    await page
      .getByRole('group', { name: 'Actions for Shop in' })
      .getByRole('button', { name: label })
      .click()
  }
  await action('Rename')
  await page.getByRole('dialog').getByLabel('Name').fill('Shop in Porto')
  await page.getByRole('button', { name: 'Rename', exact: true }).last().click()
  await page.getByText('Shop in Porto', { exact: true }).waitFor()
  await action('Close')
  await page.getByLabel('Type the name of the account: Shop in Porto').fill('Shop in Porto')
  await page.getByRole('button', { name: 'Close the account' }).click()
  await page.getByText('Closed', { exact: true }).waitFor()
  const [made] = await accounts()
  assert.deepEqual([made?.name, made?.closed_at === null], ['Shop in Porto', false])
  // The first account, which is the reader's, cannot be closed.
  await page.getByRole('button', { name: 'Actions for default' }).click()
  const menu = page.getByRole('group', { name: 'Actions for default' })
  assert.equal(await menu.getByRole('button', { name: 'Close' }).count(), 0)
})
