import { OPERATIONS, type Operation } from './faults.ts'

const STAGES = ['received', 'done'] as const
type Stage = (typeof STAGES)[number]
type Counts = Record<Operation, number>
type Waiter = { readonly operation: Operation; readonly stage: Stage; readonly count: number; go(): void }

/** Counts received and done calls, lets a test wait for one, and delays calls that must wait. */
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

  /** Resolves once this many calls of an operation have reached that stage. */
  reached(stage: Stage, operation: Operation, count: number): Promise<void> {
    if (this.#counts[stage][operation] >= count) return Promise.resolve()
    return new Promise((go) => this.#waiters.push({ operation, stage, count, go }))
  }

  /** Resolves when the waiting calls are released. */
  hold(): Promise<void> {
    return new Promise((resolve) => this.#held.push(resolve))
  }

  /** Releases every waiting call, and returns their number. */
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

/** The condition of a query such as `operation=capture&received=3`; undefined if it has none. */
export function conditionOf(query: URLSearchParams): [Stage, Operation, number] | undefined {
  const operation = OPERATIONS.find((one) => one === query.get('operation'))
  const stage = STAGES.find((one) => query.has(one))
  return operation && stage ? [stage, operation, Number(query.get(stage))] : undefined
}
