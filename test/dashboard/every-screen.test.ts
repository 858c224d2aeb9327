/** What holds on every screen: for screen readers, in both themes and widths, without an error or a foreign request. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { eventsAfter } from '../kit/client.ts'
import { atEnd } from '../kit/folders.ts'
import { startLivedIn } from '../kit/lived-in.ts'
import { makeEndpoint } from '../kit/webhook-endpoints.ts'
import { axeFindings, browserTest, openTab, PHONE, startBrowser, WIDE } from './browser.ts'
import { screenPatterns, screenPlaces, signIn, watchRequests } from './screens.ts'

const THEMES = ['light', 'dark'] as const
const SIZES = { wide: WIDE, phone: PHONE }

test('the table of screens is read', () => {
  assert.ok(screenPatterns().length >= 15)
})

/** By how many pixels a page is wider than its window. */
const overflow = (page: Page) =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')

browserTest(
  'every screen passes axe in both themes and widths, scrolls up and down only, and has no error in its console',
  async (t) => {
    const shop = await startLivedIn()
    atEnd(t, shop.end)
    const { id: webhooks } = await makeEndpoint(shop.api, { url: 'https://shop.example/hooks' })
    const [event] = await eventsAfter(shop.api)
    const ids = { payments: shop.ids.txn[0], webhooks, deliveries: shop.ids.dlv[0], events: event?.id }
    const browser = await startBrowser(t)
    const tab = await openTab(browser, shop.server.url, '/dashboard/', { reducedMotion: 'reduce' })
    const { page, faults } = tab
    const settled = watchRequests(page)
    const problems: string[] = []
    const look = async (name: string) => {
      for (const [size, viewport] of Object.entries(SIZES)) {
        await page.setViewportSize(viewport)
        for (const colorScheme of THEMES) {
          await page.emulateMedia({ colorScheme })
          await settled()
          const place = `${name}, ${size}, ${colorScheme}`
          for (const finding of await axeFindings(page)) problems.push(`${place}: ${finding}`)
        }
        const wider = await overflow(page)
        if (wider > 0) problems.push(`${name}, ${size}: ${wider} px too wide`)
      }
      for (const fault of faults.splice(0)) problems.push(`${name}: ${fault}`)
    }
    await page.getByLabel('API key').waitFor()
    // The page asks who it is, and the browser calls the 401 an error.
    faults.length = 0
    await look('sign-in')
    await page.setViewportSize(WIDE)
    await signIn(page, String(shop.authorization.authorization).replace('Bearer ', ''))
    for (const { name, path } of screenPlaces(ids)) {
      await page.goto(shop.server.url + path)
      await look(name)
      const here = await page.locator('#navigation [aria-current=page]').count()
      if (here !== 1) problems.push(`${name}: the navigation marks ${here} places`)
    }
    assert.deepEqual(problems, [])
  },
)
