import { execFileSync } from 'node:child_process'
import { tempDir } from '../kit/folders.ts'

/** Why no small disk can be made here; undefined when it can. */
export function noSmallDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'a small disk is a tmpfs, which only root on Linux can mount'
  const folder = tempDir()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'minipay-test', folder.path], { stdio: 'pipe' })
    execFileSync('umount', [folder.path], { stdio: 'pipe' })
    return undefined
  } catch {
    return 'mount is not allowed here'
  } finally {
    folder.remove()
  }
}
