/**
 * Charges with an API key beside charges without one, and with hash chains beside charges without, on two servers in
 * turn: in process, and with a key also through a stand-in.
 */
import { ask } from './banks.ts'
import {
  type Bench,
  measure,
  median,
  type Part,
  type Row,
  type Run,
  summary,
  warmUp,
  withMiniPay,
} from './bench.ts'
import type { Server } from './processes.ts'
import { onRoad } from './roads.ts'

/** By name, the title of the row and its path: decided in process, or a call to a provider's process. */
const ROADS = {
  'keys: in process': { title: 'durable charges', provider: false },
  'keys: provider': { title: 'durable charges through a provider', provider: true },
} as const
type Name = keyof typeof ROADS
const NAMES = Object.keys(ROADS) as Name[]

const WITHOUT_CHAINS = `--import=${new URL('./without-chains.ts', import.meta.url)}`
/** The rate with hash chains, as a share of the rate without them. */
const CHAINS_AIM = 0.97
const CONNECTIONS = 64
const WARMUP_SECONDS = 3
/** The rate with a key, as a share of the rate without one. */
const RATIO_AIM = 0.95

export const keys: Part = {
  names: NAMES,
  seconds: 1,
  async run(bench, wanted) {
    const rows: Row[] = []
    for (const name of NAMES.filter((one) => wanted.includes(one))) {
      const { title, provider } = ROADS[name]
      const sides = { keyed: [] as Run[], keyless: [] as Run[] }
      await onRoad(bench, { provider }, (keyed) =>
        onRoad(bench, { provider }, (keyless) => runBoth(bench, { keyed, keyless }, sides)),
      )
      const titles = [`${title} with an API key`, 'the same without a key'] as const
      rows.push(...compared(titles, 'a key', RATIO_AIM, sides.keyed, sides.keyless))
    }
    return rows
  },
}

/** Both servers serve requests without a key: one of them writes no link. */
export const chains: Part = {
  names: ['chains: in process'],
  seconds: 1,
  async run(bench) {
    const runs = { linked: [] as Run[], bare: [] as Run[] }
    const bare = { ...bench, nodeFlags: [...bench.nodeFlags, WITHOUT_CHAINS] }
    await withMiniPay(bench, (linked) =>
      withMiniPay(bare, async (unlinked) => {
        const servers = { linked, bare: unlinked }
        for (const side of ['bare', 'linked'] as const)
          await warmUp(bench, servers[side], { seconds: WARMUP_SECONDS, scenario: { kind: 'charge' } })
        for (let round = 0; round < bench.rounds; round++)
          for (const side of round % 2 === 0 ? (['bare', 'linked'] as const) : (['linked', 'bare'] as const))
            runs[side].push(
              await measure(bench, servers[side], { connections: CONNECTIONS, scenario: { kind: 'charge' } }),
            )
      }),
    )
    const titles = ['durable charges with hash chains', 'the same without hash chains'] as const
    return compared(titles, 'hash chains', CHAINS_AIM, runs.linked, runs.bare)
  },
}

type Sides<T> = { readonly keyed: T; readonly keyless: T }

/** They take turns in beginning a round, so neither always runs in the same state of the machine. */
async function runBoth(bench: Bench, servers: Sides<Server>, runs: Sides<Run[]>): Promise<void> {
  const secret = await makeKey(servers.keyed)
  const scenarios = { keyed: { kind: 'charge', secret }, keyless: { kind: 'charge' } } as const
  for (const side of ['keyless', 'keyed'] as const)
    await warmUp(bench, servers[side], { seconds: WARMUP_SECONDS, scenario: scenarios[side] })
  for (let round = 0; round < bench.rounds; round++)
    for (const side of round % 2 === 0 ? (['keyless', 'keyed'] as const) : (['keyed', 'keyless'] as const))
      runs[side].push(
        await measure(bench, servers[side], { connections: CONNECTIONS, scenario: scenarios[side] }),
      )
}

/** The first key of a server, made by a request without one. From then on the server serves no other request. */
async function makeKey(server: Server): Promise<string> {
  const body = { name: 'Benchmark', role: 'application' }
  return (await ask<{ secret: string }>(server, 'POST', '/api/v1/keys', body)).secret
}

function compared(
  [title, other]: readonly [string, string],
  word: string,
  aim: number,
  withIt: readonly Run[],
  without: readonly Run[],
): Row[] {
  const micros = (run: Run) => run.micros['all'] ?? Number.NaN
  const ratioOf = (of: (run: Run) => number) =>
    median(withIt.map((run, i) => of(run) / of(without[i] as Run)))
  const ratio = ratioOf((run) => run.perSecond)
  const cpu = (runs: readonly Run[]) => `CPU a charge ${median(runs.map(micros)).toFixed(0)} µs`
  return [
    {
      what: `**${title}**`,
      connections: CONNECTIONS,
      ...summary(withIt),
      beside: `${ratio.toFixed(2)} of the rate without ${word}; ${cpu(withIt)} (${ratioOf(micros).toFixed(2)})`,
      aim: `${aim}`,
      met: ratio >= aim,
    },
    { what: other, connections: CONNECTIONS, ...summary(without), beside: cpu(without) },
  ]
}
