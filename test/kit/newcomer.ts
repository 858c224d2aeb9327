/** A newcomer who follows a page in one shell and one folder: each block sees the settings of the blocks before it. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { type TempDir, tempDir } from './folders.ts'

/** A code block, and the text between it and the block before. */
export type Block = { readonly kind: string; readonly text: string; readonly before: string }

/** The code blocks of a page, by its path from the project's folder. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8')
  return [...text.matchAll(/([\s\S]*?)^```(\w*)\n([\s\S]*?)^```$/gm)].map(
    ([, before = '', kind = '', block = '']) => ({ kind, text: block, before }),
  )
}

/** Values that may differ between runs. */
function normal(text: string): string {
  return text
    .replace(/(txn|re|evt|dlv|req|att)_[0-9a-z]{26}\b/g, '$1_ID')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\d+ (charges|refunds|entries|checked)/g, 'N $1')
}

/** Each line that a page shows must be among the printed lines. */
export function assertShown(shown: string, printed: string): void {
  const lines = new Set(
    normal(printed)
      .split('\n')
      .map((line) => line.trimEnd()),
  )
  for (const line of normal(shown).trimEnd().split('\n'))
    assert.ok(lines.has(line), `the page shows\n${line}\nbut this was printed\n${normal(printed)}`)
}

/**
 * Each field of the JSON object on a page must have the same value in the printed object. The page has to say that its object
 * is shortened if it lacks some of the printed fields.
 */
export function assertFields(shown: string, printed: string, saysShortened: boolean): void {
  const [wanted, actual] = [shown, printed].map((text) => JSON.parse(normal(text)))
  assert.partialDeepStrictEqual(actual, wanted)
  const missing = Object.keys(actual).filter((field) => !Object.hasOwn(wanted, field))
  assert.equal(saysShortened, missing.length > 0, `${shown}lacks the fields ${missing.join(', ') || 'none'}`)
}

export type Terminal = {
  /** Everything printed so far. */
  output(): string
  /** Sends Ctrl-C; resolves when the program has ended. */
  stop(): Promise<void>
}

export type Newcomer = {
  readonly dir: TempDir
  /** The environment of the shell: it has the Node that runs this test, and curl prints no progress bars. */
  readonly env: NodeJS.ProcessEnv
  /** Processes that end with the test file. */
  readonly running: Set<ChildProcess>
  /**
   * Starts a block in its own terminal, in a shell that the program replaces; resolves when its output matches
   * `listens`. Rejects with the output if the program ends before that.
   */
  terminal(text: string, env: NodeJS.ProcessEnv, listens: RegExp): Promise<Terminal>
  /** Sends Ctrl-C to every terminal, and waits until the programs have ended. */
  stopTerminals(): Promise<void>
  /** A shell that lives until the page ends. */
  startShell(env: NodeJS.ProcessEnv): (text: string) => Promise<{ status: number; printed: string }>
}

/** A newcomer with their own folder; the programs that they started end with the test file. */
export function newcomer(): Newcomer {
  const dir = tempDir()
  const { PATH } = process.env
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${PATH}`, CURL_HOME: dir.path }
  writeFileSync(join(dir.path, '.curlrc'), 'silent\nshow-error\n')
  const running = new Set<ChildProcess>()
  after(async () => {
    for (const child of running) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    dir.remove()
  })
  const terminals: Terminal[] = []
  return {
    dir,
    env,
    running,
    async terminal(text, env, listens) {
      const child = spawn('sh', ['-c', text.replace(/\bnode (?=')/, 'exec node ')], {
        cwd: dir.path,
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      running.add(child)
      let output = ''
      await new Promise<void>((resolve, reject) => {
        child.stdout.on('data', (chunk) => {
          output += chunk
          if (listens.test(output)) resolve()
        })
        child.once('exit', (code) => reject(new Error(`it ended with ${code}:\n${output}`)))
      })
      const terminal = {
        output: () => output,
        async stop() {
          if (child.exitCode !== null || child.signalCode !== null) return
          child.kill('SIGINT')
          await once(child, 'exit')
        },
      }
      terminals.push(terminal)
      return terminal
    },
    async stopTerminals() {
      for (const terminal of terminals.splice(0)) await terminal.stop()
    },
    startShell(shellEnv) {
      const shell = spawn('sh', [], { cwd: dir.path, env: shellEnv, stdio: ['pipe', 'pipe', 'inherit'] })
      running.add(shell)
      return (text) =>
        new Promise((resolve, reject) => {
          let printed = ''
          const read = (chunk: Buffer) => {
            printed += chunk
            const end = /\n::ended (\d+)\n$/.exec(printed)
            if (!end) return
            shell.stdout.off('data', read)
            shell.off('exit', reject)
            resolve({ status: Number(end[1]), printed: printed.slice(0, end.index) })
          }
          shell.stdout.on('data', read)
          shell.once('exit', reject)
          shell.stdin.write(`${text}\nprintf '\\n::ended %s\\n' $?\n`)
        })
    },
  }
}
