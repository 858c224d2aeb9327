/** The files of the dashboard, made at its first visit and kept in memory. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import type { Built } from './build.ts'
import { type Page, pageFor } from './page.ts'

const run = promisify(execFile)
const PROGRAM = fileURLToPath(new URL('./build.ts', import.meta.url))
const MAX_OUTPUT = 32 * 1024 * 1024

export type Asset = {
  readonly type: string
  readonly gzip: Buffer
  /** For the few clients that take no gzip. */
  readonly plain: () => Buffer
}
export type Assets = {
  readonly hash: string
  readonly files: ReadonlyMap<string, Asset>
  /** The page for a path below `/dashboard`. */
  readonly pageFor: (path: string) => Page
}

let made: Promise<Assets> | undefined

/** The files; the first call makes them. A call after one that failed tries again. */
export function assets(): Promise<Assets> {
  made ??= make().catch((error: unknown) => {
    made = undefined
    throw error
  })
  return made
}

async function make(): Promise<Assets> {
  const args = ['--disable-warning=ExperimentalWarning', PROGRAM]
  // Without the server's environment, which has its secrets.
  const { stdout } = await run(process.execPath, args, { env: {}, maxBuffer: MAX_OUTPUT, windowsHide: true })
  const { files, ...built } = JSON.parse(stdout) as Built
  return {
    hash: built.hash,
    pageFor: (path) => pageFor(built, path),
    files: new Map(
      Object.entries(files).map(([path, { type, gzip }]) => [
        path,
        assetOf(type, Buffer.from(gzip, 'base64')),
      ]),
    ),
  }
}

function assetOf(type: string, gzip: Buffer): Asset {
  return { type, gzip, plain: () => gunzipSync(gzip) }
}
