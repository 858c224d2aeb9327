/** The first visit is small: few modules, because each is a request, and few bytes. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { client } from '../kit/client.ts'
import { folderOf } from '../kit/folders.ts'
import { serve } from '../kit/server.ts'
import { browserTest, startBrowser } from './browser.ts'
import { firstRows } from './first-rows.ts'

const MOST_KILOBYTES = 45
const MOST_MODULES = 30
const SCREENS = { '/payments': '[data-row]', '/': '.figures' }

browserTest('before its first rows a page needs few modules and at most 45 KB', async (t) => {
  const { url } = await serve(t, join(folderOf(t), 'first.db'))
  for (let i = 0; i < 3; i++) await client(url).charge()
  const browser = await startBrowser(t)
  for (const [path, selector] of Object.entries(SCREENS)) {
    const context = await browser.newContext()
    const { ms, modules, kilobytes } = await firstRows(
      await context.newPage(),
      `${url}/dashboard${path}`,
      selector,
    )
    await context.close()
    t.diagnostic(`${path}: ${modules} modules, ${kilobytes.toFixed(1)} KB, ${Math.round(ms)} ms`)
    assert.ok(modules > 5 && modules <= MOST_MODULES, `${path} loads ${modules} modules`)
    assert.ok(kilobytes <= MOST_KILOBYTES, `${path} loads ${kilobytes} KB`)
  }
})
