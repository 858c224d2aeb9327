/**
 * Makes pictures of every screen of the dashboard, in both themes and widths, over the data of `minipay demo`:
 * `npm run screenshots`, or `npm run screenshots -- FOLDER`. They are written as WebP, which keeps them small. With
 * `--readme` in place of a folder, it makes the two pictures of the README alone, in `docs/pictures/`.
 */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { launchBrowser, openTab, PHONE, WIDE } from '../test/dashboard/browser.ts'
import { screenPlaces, watchRequests } from '../test/dashboard/screens.ts'
import { client } from '../test/kit/client.ts'
import { tempDir } from '../test/kit/folders.ts'
import { runCli, startServer } from '../test/kit/server.ts'

const SIZES = { wide: WIDE, phone: PHONE }
const THEMES = ['light', 'dark'] as const
const QUALITY = 80
/** So that every run shows the same shop. */
const SEED = '7'

/** Smaller than the window of the others, so that its texts can be read in the README's column. */
const README = {
  size: { width: 1280, height: 800 },
  pictures: { overview: 'dark', payment: 'light' },
} as const

type Picture = readonly [file: string, viewport: typeof WIDE, colorScheme: (typeof THEMES)[number]]

const forReadme = process.argv[2] === '--readme'
const folder = forReadme ? 'docs/pictures' : (process.argv[2] ?? 'screenshots')
const dir = tempDir()
const database = join(dir.path, 'demo.db')
const demo = await runCli(['demo', '--seed', SEED, '--database', database])
assert.equal(demo.code, 0, demo.stderr)
const server = await startServer(database)
const browser = await launchBrowser()
try {
  assert.ok(browser, 'No Chromium was found. Install it, or name it in CHROMIUM.')
  mkdirSync(folder, { recursive: true })
  const ids = await idsOf(server.url)
  const { page } = await openTab(browser, server.url, '/dashboard/', { reducedMotion: 'reduce' })
  const settled = watchRequests(page)
  for (const place of screenPlaces(ids)) {
    const wanted = picturesOf(place.name)
    if (wanted.length > 0) await page.goto(server.url + place.path)
    for (const [name, viewport, colorScheme] of wanted) {
      await page.setViewportSize(viewport)
      await page.emulateMedia({ colorScheme })
      await settled()
      if (place.shows)
        await page
          .locator(place.shows)
          .first()
          .evaluate((part) => part.scrollIntoView())
      const file = join(folder, `${name}.webp`)
      writeFileSync(file, await picture(page))
      process.stdout.write(`${file}\n`)
    }
  }
} finally {
  await browser?.close()
  await server.stop()
  dir.remove()
}

function picturesOf(pattern: string): readonly Picture[] {
  const name = pattern === '/' ? 'overview' : pattern.slice(1).replace('ies/:id', 'y').replace('s/:id', '')
  if (forReadme)
    return Object.entries(README.pictures).flatMap(([screen, theme]): Picture[] =>
      screen === name ? [[`${screen}-${theme}`, README.size, theme]] : [],
    )
  return Object.entries(SIZES).flatMap(([size, viewport]) =>
    THEMES.map((theme): Picture => [`${name}-${size}-${theme}`, viewport, theme]),
  )
}

/** An object of each kind that has a screen of its own: the payment is one that failed over. */
async function idsOf(url: string): Promise<Record<string, string | undefined>> {
  const api = client(url)
  const first = async (path: string) =>
    (await api.get<{ data: readonly { readonly id: string }[] }>(`/api/v1/${path}`)).body.data[0]?.id
  type Attempts = { data: readonly { readonly transaction_id: string }[] }
  const { data } = (await api.get<Attempts>('/api/v1/attempts?kind=authorize&limit=100')).body
  const charges = data.map(({ transaction_id }) => transaction_id)
  return {
    payments: charges.find((id, i) => charges.indexOf(id) < i) ?? charges[0],
    webhooks: await first('webhook_endpoints'),
    deliveries: await first('webhook_deliveries?status=failed'),
    events: await first('events'),
  }
}

async function picture(page: Page): Promise<Buffer> {
  const session = await page.context().newCDPSession(page)
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY })
  await session.detach()
  return Buffer.from(data, 'base64')
}
