/** Folders that a test makes, and the steps that end what it has started. */
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

/** Has `step` done when the test ends, the last one first: a server ends before its folder goes. */
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

/** A folder for this test alone. */
export function folderOf(t: TestContext): string {
  const folder = tempDir()
  atEnd(t, folder.remove)
  return folder.path
}
