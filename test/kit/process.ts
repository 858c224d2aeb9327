/** A listening program, as a separate process. */
import { type ChildProcess, spawn } from 'node:child_process'

export type RunningProcess = {
  /** Such as http://127.0.0.1:54321. */
  readonly url: string
  readonly process: ChildProcess
  /** Everything that it has printed so far. */
  output(): string
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** Resolves with the exit code when it has ended by itself; null if it was killed. */
  readonly gone: Promise<number | null>
}

/**
 * Starts a Node program; resolves when it has printed its URL, which is the first group of `listens`. Rejects with its
 * output if it ends before.
 */
export async function startProcess(
  program: readonly string[],
  env: NodeJS.ProcessEnv,
  listens: RegExp,
): Promise<RunningProcess> {
  const child = spawn(process.execPath, program, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed: string[] = []
  const output = () => printed.join('')
  // Its last lines may come after its end, but not after this.
  const gone = new Promise<number | null>((resolve) => child.once('close', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    let found = false
    const read = (chunk: Buffer) => {
      printed.push(String(chunk))
      // Searches the output only until it has the address, because a long run prints much.
      const address = found ? undefined : listens.exec(output())?.[1]
      if (!address) return
      found = true
      resolve(address)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    gone.then((code) =>
      reject(new Error(`${program.slice(1).join(' ')} ended with ${code} before it listened:\n${output()}`)),
    )
  })
  return {
    url,
    process: child,
    output,
    gone,
    stop() {
      child.kill('SIGTERM')
      return gone
    },
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}
