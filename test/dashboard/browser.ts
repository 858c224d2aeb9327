/** A real browser for tests of the dashboard: Chromium through playwright-core. */
import assert from 'node:assert/strict'
import { accessSync, constants, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type LaunchOptions,
  type Page,
} from 'playwright-core'
import { atEnd } from '../kit/folders.ts'
import { PATIENCE_MS, until } from '../kit/until.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge']
/** Continuous integration must run these tests: there, a missing browser is a failure. */
const MUST_RUN = (process.env['CI'] ?? '') !== '' || process.env['TEST_BROWSER'] === 'required'

/** The browser's program: CHROMIUM, or the first known name on the PATH. */
export function findBrowser(): string | undefined {
  const named = process.env['CHROMIUM']
  const places = (process.env['PATH'] ?? '').split(delimiter)
  const candidates = named ? [named] : NAMES.flatMap((name) => places.map((place) => join(place, name)))
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Why browser tests cannot run here; undefined where they can, or must. */
const missing =
  findBrowser() || MUST_RUN
    ? undefined
    : 'No Chromium was found: install it (apt-get install chromium), or name it in CHROMIUM, to run the browser tests.'

/** A test that needs a browser. Without one it is skipped with a sentence, but fails in CI. */
export function browserTest(name: string, run: (t: TestContext) => Promise<void>): void {
  test(name, { skip: missing ?? false }, run)
}

/** Starts a browser with further flags of Chromium; undefined if there is none. */
export async function launchBrowser(flags: readonly string[] = []): Promise<Browser | undefined> {
  const options = launchOptions(flags)
  return options && chromium.launch(options)
}

export type SharedBrowser = { readonly address: string; close(): Promise<void> }

/**
 * A browser for the tests of other processes, which find it by its address in TEST_BROWSER_AT: the one that is there, or a new
 * one; undefined if there is no program for it.
 */
export async function shareBrowser(): Promise<SharedBrowser | undefined> {
  const address = process.env['TEST_BROWSER_AT']
  if (address !== undefined) return { address, close: async () => {} }
  const options = launchOptions([])
  const server = options && (await chromium.launchServer({ ...options, host: '127.0.0.1' }))
  return server && { address: server.wsEndpoint(), close: () => server.close() }
}

function launchOptions(flags: readonly string[]): LaunchOptions | undefined {
  const executablePath = findBrowser()
  if (executablePath === undefined) return undefined
  const args = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync']
  const quiet = ['--disable-background-networking', '--disable-component-update']
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return { executablePath, args: [...args, ...quiet, ...root, ...flags] }
}

/** Starts a browser that ends with the test, with further flags of Chromium. One browser serves many pages. */
export async function startBrowser(t: TestContext, flags: readonly string[] = []): Promise<Browser> {
  const shared = process.env['TEST_BROWSER_AT']
  const own = shared === undefined || flags.length > 0
  const browser = own ? await launchBrowser(flags) : await chromium.connect(shared)
  assert.ok(browser, 'No Chromium was found, and this environment requires the browser tests.')
  atEnd(t, () => browser.close())
  return browser
}

export type Tab = {
  readonly page: Page
  readonly context: BrowserContext
  /** What the console called an error, violations of the policy, uncaught errors, and requests to other origins. */
  readonly faults: string[]
  /** Throws if there were any. */
  assertClean(): void
}

/** The wide and the narrow window in which every screen must work. */
export const WIDE = { width: 1440, height: 900 }
export const PHONE = { width: 390, height: 844 }

/** Opens a window of its own, with its own cookies and storage, at a path below the server's address. */
export async function openTab(
  browser: Browser,
  url: string,
  path = '/dashboard/',
  options: BrowserContextOptions = {},
): Promise<Tab> {
  const context = await browser.newContext({
    ...{ viewport: WIDE, locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options },
  })
  await context.addInitScript(KEEP_WHAT_IS_SAID)
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const faults: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (protocol !== 'data:' && origin !== new URL(url).origin) faults.push(`request to ${request.url()}`)
  })
  await page.goto(url + path)
  return { page, context, faults, assertClean: () => assert.deepEqual(faults, []) }
}

/** Runs in each page: keeps what it says for some seconds only. */
const KEEP_WHAT_IS_SAID = `
globalThis.said = new Set()
new MutationObserver(() => {
  for (const { textContent } of document.querySelectorAll('.toast > span')) said.add(textContent)
}).observe(document, { childList: true, subtree: true })`

/**
 * Resolves once the page has said this in passing since it was loaded, such as "Refunded 9.00 USD". On a busy machine the
 * sentence may have gone again when the test looks.
 */
export async function untilSaid(page: Page, sentence: string): Promise<void> {
  await until(`the page says "${sentence}"`, () =>
    page.evaluate((text) => (globalThis as unknown as { said: Set<string> }).said.has(text), sentence),
  )
}

/**
 * axe-core's findings about the page as it is, by WCAG 2.2 AA and best practices: `rule: element`. None on PostgreSQL: the
 * engine changes nothing about them, and each takes most of a second.
 */
export async function axeFindings(page: Page): Promise<string[]> {
  if (process.env['TEST_POSTGRES'] !== undefined) return []
  // A script of the page itself would be against the policy; this one is evaluated by the debugger.
  if (!(await page.evaluate<boolean>(`'axe' in globalThis`))) await page.evaluate(axeSource())
  // Old data is dimmed while new data loads, which may begin while axe measures: what is wrong is so each time.
  for (let tries = 1; ; tries++) {
    await page.locator('.stale').first().waitFor({ state: 'detached' })
    const found = await runAxe(page)
    if (found.length === 0 || tries === 3) return found
  }
}

const axeSource = () => readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

function runAxe(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: (options: object) => Promise<AxeResult> } }
    // It runs every rule, and describes only what breaks one.
    const { violations } = await axe.run({ resultTypes: ['violations'] })
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
  })
}
type AxeResult = {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly target: readonly string[] }[]
  }[]
}
