import { OPERATIONS, type Operation } from './faults.ts'

const STAGES = ['received', 'done'] as const
type Stage = (typeof STAGES)[number]
type Counts = Record<Operation, number>
type Waiter = { readonly operation: Operation; readonly stage: Stage; readonly count: number; go(): void }

/** Counts calls as they come in and as they were done, lets a test wait for one, and holds those that must wait. */
export class Calls {
  readonly #counts: Readonly<Record<Stage, Counts>> = { received: none(), done: none() }
  #waiters: Waiter[] = []
  #held: (() => void)[] = []

  count(stage: Stage, operation: Operation): void {
    this.#counts[stage][operation]++
    const reached = (waiter: Waiter) => this.#counts[waiter.stage][waiter.operation] >= waiter.count
    for (const waiter of this.#waiters.filter(reached)) waiter.go()
    this.#waiters = this.#waiters.filter((waiter) => !reached(waiter))
  }

  /** Resolves when so many calls of an operation have reached that stage. */
  reached(stage: Stage, operation: Operation, count: number): Promise<void> {
    if (this.#counts[stage][operation] >= count) return Promise.resolve()
    return new Promise((go) => this.#waiters.push({ operation, stage, count, go }))
  }

  /** Resolves when everything that is held is released. */
  hold(): Promise<void> {
    return new Promise((resolve) => this.#held.push(resolve))
  }

  /** Lets go of everything that is held, and answers how many calls that were. */
  release(): number {
    const held = this.#held
    this.#held = []
    for (const go of held) go()
    return held.length
  }

  summary(): object {
    return { ...this.#counts, held: this.#held.length }
  }
}

function none(): Counts {
  return Object.fromEntries(OPERATIONS.map((operation) => [operation, 0])) as Counts
}

/** What a query such as `operation=capture&received=3` waits for; undefined when it waits for nothing. */
export function waitedFor(query: URLSearchParams): [Stage, Operation, number] | undefined {
  const operation = OPERATIONS.find((one) => one === query.get('operation'))
  const stage = STAGES.find((one) => query.has(one))
  return operation && stage ? [stage, operation, Number(query.get(stage))] : undefined
}
