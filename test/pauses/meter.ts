/** Servers whose longest pause can be measured. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CLI, type RunningServer, startServer } from '../kit/server.ts'

const PROBE = fileURLToPath(new URL('./probe.ts', import.meta.url))

export type MeteredServer = RunningServer & {
  /** The longest pause of the event loop while `run` runs: CPU time of the main thread in one turn, in ms. */
  longestPause(run: () => Promise<unknown>): Promise<number>
}

/** Starts `minipay serve` in `folder` with the probe in it. */
export async function startMetered(folder: string, env: Record<string, string> = {}): Promise<MeteredServer> {
  const path = join(folder, 'probe.sock')
  const server = await startServer(join(folder, 'minipay.db'), { ...env, PAUSES_SOCKET: path }, [
    '--import',
    PROBE,
    CLI,
    'serve',
  ])
  const socket = connect(path)
  socket.setEncoding('utf8')
  await once(socket, 'connect')
  return {
    ...server,
    async longestPause(run) {
      await say(socket, 'begin')
      await run()
      return Number(await say(socket, 'end'))
    },
    async stop() {
      socket.destroy()
      return server.stop()
    },
  }
}

async function say(socket: Socket, word: 'begin' | 'end'): Promise<string> {
  const answer = once(socket, 'data')
  socket.write(`${word}\n`)
  return (await answer)[0]
}
