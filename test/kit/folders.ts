/** Temporary folders of a test, and the steps that end what it has started. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export type TempDir = { readonly path: string; remove(): void }

export function tempDir(): TempDir {
  const path = mkdtempSync(join(tmpdir(), 'minipay-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

const ends = new WeakMap<TestContext, (() => unknown)[]>()

/** Runs `step` when the test ends, the last one first: a server ends before its folder is deleted. */
export function atEnd(t: TestContext, step: () => unknown): void {
  const steps = ends.get(t) ?? []
  if (steps.length === 0) {
    ends.set(t, steps)
    t.after(async () => {
      for (const last of steps.toReversed()) await last()
    })
  }
  steps.push(step)
}

export type Ends = { add(step: () => unknown): void }

/**
 * Makes an object of several processes, each with a step that ends it. `end` runs the steps, the last one first; so
 * does a failure, before it rejects.
 */
export async function started<T extends object>(
  make: (ends: Ends) => Promise<T>,
): Promise<T & { end(): Promise<void> }> {
  const steps: (() => unknown)[] = []
  const end = async () => {
    for (const step of steps.splice(0).toReversed()) await step()
  }
  try {
    return { ...(await make({ add: (step) => void steps.push(step) })), end }
  } catch (error) {
    await end()
    throw error
  }
}

/** A folder for one test. */
export function folderOf(t: TestContext): string {
  const folder = tempDir()
  atEnd(t, folder.remove)
  return folder.path
}
