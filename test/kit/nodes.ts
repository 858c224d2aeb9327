/** MiniPay processes that can be restarted: each node keeps its address. */
import { call } from './http.ts'
import { type RunningServer, SERVE, startServer } from './server.ts'
import { until } from './until.ts'

type Env = Readonly<Record<string, string>>

export type ClusterNode = {
  /** Such as http://127.0.0.1:54321. */
  readonly url: string
  /** How often it was killed or stopped: if it changed, that is why a connection broke. */
  readonly deaths: () => number
  isUp(): boolean
  /** Whether its process ended, by itself or not. */
  hasEnded(): boolean
  /** The pid of the process that runs, or ran last. */
  readonly pid: () => number | undefined
  /** SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>
  /** Starts it again at its address, with these settings from now on. */
  start(settings?: Env): Promise<void>
  /** Everything that its processes have logged. */
  log(): string
}

/** The arguments of a server that loads a module before it starts. */
export const preloaded = (module: string): readonly string[] => [`--import=${module}`, ...SERVE]

/** Starts a node; resolves when it listens. */
export async function startNode(
  database: string,
  env: Env = {},
  program: readonly string[] = SERVE,
): Promise<ClusterNode> {
  const lives: RunningServer[] = []
  let settings = env
  let deaths = 0
  let up = false
  let starting: Promise<unknown> = Promise.resolve()
  const last = () => lives.at(-1) as RunningServer

  async function startAt(port: string): Promise<void> {
    const life = startServer(database, { ...settings, PORT: port }, program)
    starting = life.catch(() => {})
    lives.push(await life)
    up = true
  }
  /** Also ends a process that is just starting. */
  async function dies(): Promise<RunningServer> {
    if (up) deaths++
    up = false
    await starting
    up = false
    return last()
  }

  await startAt('0')
  const { url } = last()
  return {
    url,
    deaths: () => deaths,
    isUp: () => up,
    hasEnded: () => last().process.exitCode !== null || last().process.signalCode !== null,
    pid: () => last().process.pid,
    kill: async () => (await dies()).kill(),
    stop: async () => (await dies()).stop(),
    async start(changed = settings) {
      settings = changed
      await startAt(new URL(url).port)
    },
    log: () => lives.map((life) => life.output()).join(''),
  }
}

/** Nodes that start at once on one database. If one fails to start, none remains running. */
export async function startNodes(
  database: string,
  envs: readonly Env[],
  program?: readonly string[],
): Promise<ClusterNode[]> {
  const starting = await Promise.allSettled(envs.map((env) => startNode(database, env, program)))
  const nodes = starting.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = starting.find((one) => one.status === 'rejected')
  if (!failed) return nodes
  await Promise.all(nodes.map((node) => node.kill()))
  throw failed.reason
}

/** Resolves when each running node reports that it is ready, or that it is not. */
export async function untilReady(nodes: readonly ClusterNode[], status: 200 | 503): Promise<void> {
  await Promise.all(
    nodes
      .filter((node) => node.isUp())
      .map((node) =>
        until(
          `${node.url}/ready answers ${status}`,
          async () => (await call(node.url, 'GET', '/ready')).status === status,
        ),
      ),
  )
}
