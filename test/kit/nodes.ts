/** Nodes of a cluster: `minipay serve` as processes of their own, each at an address that it keeps when it is down. */

import { call } from './http.ts'
import { CLI, type RunningServer, startServer } from './server.ts'
import { until } from './until.ts'

export type ClusterNode = {
  /** Such as http://127.0.0.1:54321. */
  readonly url: string
  /** How often it was killed or stopped: whoever saw it change knows why a connection broke. */
  readonly deaths: () => number
  isUp(): boolean
  /** Of the process that runs, or ran last. */
  readonly pid: () => number | undefined
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** Starts it again at its address. */
  start(): Promise<void>
  /** Everything that it has logged in all its lives. */
  log(): string
}

const SERVE = [CLI, 'serve']

/** Starts a node; resolves when it listens. `preload` is a module that runs before it. */
export async function startNode(
  database: string,
  env: Readonly<Record<string, string>> = {},
  preload?: string,
): Promise<ClusterNode> {
  const program = preload === undefined ? SERVE : [`--import=${preload}`, ...SERVE]
  const lives: RunningServer[] = []
  let deaths = 0
  let up = false
  const last = () => lives.at(-1) as RunningServer

  async function start(port: string): Promise<void> {
    lives.push(await startServer(database, { ...env, PORT: port }, program))
    up = true
  }
  const dies = () => {
    if (up) deaths++
    up = false
  }

  await start('0')
  const { url } = last()
  return {
    url,
    deaths: () => deaths,
    isUp: () => up,
    pid: () => last().process.pid,
    kill() {
      dies()
      return last().kill()
    },
    stop() {
      dies()
      return last().stop()
    },
    start: () => start(new URL(url).port),
    log: () => lives.map((life) => life.output()).join(''),
  }
}

/** Nodes that start at once on one database. None is left running when one of them fails to start. */
export async function startNodes(
  database: string,
  envs: readonly Readonly<Record<string, string>>[],
  preload?: string,
): Promise<ClusterNode[]> {
  const starting = await Promise.allSettled(envs.map((env) => startNode(database, env, preload)))
  const nodes = starting.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = starting.find((one) => one.status === 'rejected')
  if (!failed) return nodes
  await Promise.all(nodes.map((node) => node.kill()))
  throw failed.reason
}

/** Resolves when each of the nodes that are up says that it is ready, or that it is not. */
export async function untilReady(nodes: readonly ClusterNode[], status: 200 | 503): Promise<void> {
  const asked = nodes.filter((node) => node.isUp())
  await Promise.all(
    asked.map((node) =>
      until(`${node.url}/ready answers ${status}`, async () => {
        const answer = await call(node.url, 'GET', '/ready')
        return answer.status === status
      }),
    ),
  )
}
