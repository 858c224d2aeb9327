/**
 * The faults of a cluster under load. Each fault ends when the cluster has recovered, without a restart of a running
 * node.
 */
import type { Draw } from '../kit/draws.ts'
import { type ClusterNode, untilReady } from '../kit/nodes.ts'
import type { Progress } from '../kit/progress.ts'
import type { World } from './world.ts'

type Fault = (world: World, node: ClusterNode, answers: Progress) => Promise<void>

/** The number of responses under load between two faults. */
const SOME = 50
const some = (answers: Progress) => answers.reached(answers.value + SOME)

export const FAULTS = {
  'a node is killed': async (_world, node, answers) => {
    await node.kill()
    await some(answers)
    await node.start()
  },
  'connections are cut': async ({ cut, terminate }, _node, answers) => {
    for (const breaks of [cut, terminate, cut, terminate]) {
      await breaks()
      await some(answers)
    }
  },
  'the server crashes': async (world) => {
    await world.stopPrimary('immediate')
    await untilReady(world.nodes, 503)
    await world.startPrimary()
  },
  'the server restarts': async (world) => {
    await world.stopPrimary('fast')
    await world.startPrimary()
  },
  'the server crashes with a node': async (world, node) => {
    await Promise.all([world.stopPrimary('immediate'), node.kill()])
    await untilReady(world.nodes, 503)
    await world.startPrimary()
    await node.start()
  },
  'the standby takes over': async (world) => {
    await world.stopPrimary('immediate')
    await untilReady(world.nodes, 503)
    await world.promote()
  },
  'the standby takes over, and a node is killed': async (world, node) => {
    await Promise.all([world.stopPrimary('immediate'), node.kill()])
    await world.promote()
    await node.start()
  },
} satisfies Record<string, Fault>
export type FaultName = keyof typeof FAULTS

/** Once each of those that a short storm has time for; a promoted standby has none of its own afterwards. */
export const SHORT: readonly FaultName[] = [
  'connections are cut',
  'the server crashes',
  'a node is killed',
  'the standby takes over',
]

/** Causes a fault under load, and waits until every node is ready again. */
export async function strike(
  world: World,
  name: FaultName,
  draw: Draw,
  answers: Progress,
  needsStandby: boolean,
): Promise<void> {
  await some(answers)
  await FAULTS[name](world, draw.of(world.nodes) as ClusterNode, answers)
  await untilReady(world.nodes, 200)
  if (needsStandby && name.startsWith('the standby')) await world.newStandby()
  await some(answers)
}
