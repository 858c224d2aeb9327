/** Waiting for what can be seen but does not call. */

/** Asks until the answer is yes; for what can be seen but does not call. */
export async function until(what: string, ask: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within a minute`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
