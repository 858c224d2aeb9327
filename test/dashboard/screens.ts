/** Every screen of the dashboard, as its table of routes has it, and when a page has settled. */
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import type { Locator, Page } from 'playwright-core'

const ROUTES = new URL('../../src/dashboard/routes.ts', import.meta.url)

/** The patterns of all places, such as `/payments/:id`. */
export function screenPatterns(): string[] {
  const found = [...readFileSync(ROUTES, 'utf8').matchAll(/^ {2}\['([^']+)', \(\) => import/gm)]
  return found.map(([, pattern = '']) => pattern)
}

/** The path of a pattern below the server's address. `ids` has an id by the first part of the path. */
export function screenPath(pattern: string, ids: Readonly<Record<string, string | undefined>>): string {
  const filled = pattern.replace(/:\w+/g, () => {
    const id = ids[pattern.split('/')[1] ?? '']
    if (id === undefined) throw new Error(`The test has no id for ${pattern}.`)
    return encodeURIComponent(id)
  })
  return `/dashboard${filled}`
}

/**
 * A place of the dashboard: a name for reports and files, and the path below the server's address. `shows` is what a
 * picture is of, if that is further down.
 */
export type ScreenPlace = { readonly name: string; readonly path: string; readonly shows?: string }

/** Every screen, and states of one that look different: the ledger of an account has a chart and a table of its days. */
export function screenPlaces(ids: Parameters<typeof screenPath>[1]): readonly ScreenPlace[] {
  const places = screenPatterns().map((pattern) => ({ name: pattern, path: screenPath(pattern, ids) }))
  const account = screenPath('/ledger?account=merchant&currency=usd', {})
  return [...places, { name: '/ledger-account', path: account, shows: '.days' }]
}

/** Follows a page's requests; the returned function resolves when the page has its heading, and waits for no response. */
export function watchRequests(page: Page): () => Promise<void> {
  const pending = new Set<object>()
  page.on('request', (request) => {
    if (!request.url().includes('/events/stream')) pending.add(request)
  })
  page.on('requestfinished', (request) => void pending.delete(request))
  page.on('requestfailed', (request) => void pending.delete(request))
  const draw = () => page.evaluate('new Promise((done) => requestAnimationFrame(() => setTimeout(done)))')
  return async () => {
    await page.getByRole('heading', { level: 1 }).first().waitFor()
    // A response may lead to the next request, and to a drawing.
    for (let quiet = 0; quiet < 3; ) {
      await draw()
      quiet = pending.size === 0 ? quiet + 1 : 0
    }
  }
}

/** Clicks a button that saves a file; returns its name and its text. */
export async function savedBy(page: Page, button: Locator): Promise<{ name: string; text: string }> {
  const [file] = await Promise.all([page.waitForEvent('download'), button.click()])
  // A browser that tests share has the file elsewhere.
  return { name: file.suggestedFilename(), text: await text(await file.createReadStream()) }
}

/** Signs in with a key by the form. */
export async function signIn(page: Page, secret: string): Promise<void> {
  await page.getByLabel('API key').fill(secret)
  await page.getByRole('button', { name: 'Sign in' }).click()
  // The frame is drawn before: a page that is left now is not signed in.
  await page.getByLabel('API key', { exact: true }).waitFor({ state: 'detached' })
}
