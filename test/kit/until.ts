/** Polls for conditions that give no signal. */

/** Polls until the condition is true. */
export async function until(what: string, ask: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within a minute`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
