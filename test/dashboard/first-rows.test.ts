/** The first visit of each screen is small: few modules, because each is a request, and few bytes. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { client, eventsAfter } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { serve } from '../kit/server.ts'
import { makeEndpoint } from '../kit/webhook-endpoints.ts'
import { browserTest, startBrowser } from './browser.ts'
import { firstRows } from './first-rows.ts'
import { screenPath, screenPatterns } from './screens.ts'

const MOST_KILOBYTES = 45
const MOST_MODULES = 30
/** What is in the first rows; a heading elsewhere. */
const ROWS: Readonly<Record<string, string>> = { '/payments': '[data-row]', '/': '.figures' }

browserTest('before its first rows each screen needs few modules and at most 45 KB', async (t) => {
  const { url } = await serve(t, join(folderOf(t), 'first.db'))
  const api = client(url)
  const charge = await api.charge()
  const { id: webhooks } = await makeEndpoint(api, { url: 'https://shop.example/hooks' })
  const [event] = await eventsAfter(api)
  // No delivery has ended yet: its screen says so, once it has loaded the same modules.
  const ids = { payments: charge.id, webhooks, events: event?.id, deliveries: 'dlv_none' }
  const browser = await startBrowser(t)
  for (const pattern of screenPatterns()) {
    const context = await browser.newContext()
    const { ms, modules, kilobytes } = await firstRows(
      await context.newPage(),
      url + screenPath(pattern, ids),
      ROWS[pattern] ?? 'h1',
    )
    await context.close()
    t.diagnostic(`${pattern}: ${modules} modules, ${kilobytes.toFixed(1)} KB, ${Math.round(ms)} ms`)
    assert.ok(modules > 5 && modules <= MOST_MODULES, `${pattern} loads ${modules} modules`)
    assert.ok(kilobytes <= MOST_KILOBYTES, `${pattern} loads ${kilobytes} KB`)
  }
})
