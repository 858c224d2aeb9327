/** What a page of the dashboard needs before its first rows, and when they are painted. */
import type { Page } from 'playwright-core'

export type FirstRows = {
  /** From the navigation to the paint with rows, in ms. */
  readonly ms: number
  /** Those that it loads before it requests data. Meanwhile it loads what the reader may use later. */
  readonly modules: number
  /** Of modules and styles as they were sent, in KB of 1,024 bytes. */
  readonly kilobytes: number
}

/** Notes the time once the page has painted something that `selector` finds. */
const noteTime = (selector: string) => `
  globalThis.firstRows = new Promise((painted) => {
    new MutationObserver((_, observer) => {
      if (!document.querySelector(${JSON.stringify(selector)})) return
      observer.disconnect()
      requestAnimationFrame(() => setTimeout(() => painted(performance.now())))
    }).observe(document, { childList: true, subtree: true })
  })`

/** Opens an address in a page that has not been used, and waits for its first rows. */
export async function firstRows(page: Page, address: string, selector = '[data-row]'): Promise<FirstRows> {
  await page.addInitScript(noteTime(selector))
  await page.goto(address)
  return page.evaluate<FirstRows>(`globalThis.firstRows.then((ms) => {
    const all = performance.getEntriesByType('resource')
    const first = Math.min(...all.filter(({ name }) => name.includes('/api/')).map(({ startTime }) => startTime))
    const loaded = all
      .filter(({ name, startTime }) => name.includes('/dashboard/assets/') && startTime < first)
    return {
      ms,
      modules: loaded.filter(({ name }) => !name.endsWith('.css')).length,
      kilobytes: loaded.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0) / 1024,
    }
  })`)
}
