/** Polls for conditions that give no signal. */

/** How long a test waits for what it expects: far longer than it takes on a busy machine. */
export const PATIENCE_MS = 180_000

/** Polls until the condition is true. */
export async function until(what: string, ask: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within three minutes`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
