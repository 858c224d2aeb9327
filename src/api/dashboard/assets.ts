/** The files of the dashboard, made at its first visit and kept in memory. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Built } from './build.ts'

const run = promisify(execFile)
const PROGRAM = fileURLToPath(new URL('./build.ts', import.meta.url))
const MAX_OUTPUT = 32 * 1024 * 1024

export type Asset = { readonly type: string; readonly gzip: Buffer }
export type Assets = Omit<Built, 'files'> & { readonly files: ReadonlyMap<string, Asset> }

/** Returns the files; the first call makes them. A call after one that failed tries again. */
export function lazyAssets(): () => Promise<Assets> {
  let made: Promise<Assets> | undefined
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined
      throw error
    })
    return made
  }
}

async function make(): Promise<Assets> {
  const args = ['--disable-warning=ExperimentalWarning', PROGRAM]
  // Without the server's environment, which has its secrets.
  const { stdout } = await run(process.execPath, args, { env: {}, maxBuffer: MAX_OUTPUT, windowsHide: true })
  const { files, ...built } = JSON.parse(stdout) as Built
  return {
    ...built,
    files: new Map(
      Object.entries(files).map(([path, { type, gzip }]) => [
        path,
        { type, gzip: Buffer.from(gzip, 'base64') },
      ]),
    ),
  }
}
