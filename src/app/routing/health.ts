/** The health of each provider: its circuit breakers, and statistics of its calls of the last minute. */
import type { Outcome } from '../../domain/attempt.ts'
import {
  type Admission,
  admit,
  type Breaker,
  type BreakerState,
  breakerState,
  closedBreaker,
  report,
} from '../../domain/breaker.ts'

/** The outcome of a call; a lookup may also find nothing. */
export type CallOutcome = Outcome['kind'] | 'not_found'

/**
 * The class of a call. Only `money`, an authorize, capture, cancel or refund that is sent for the first time, shows
 * whether a provider moves money. A `repetition` may get a stored response: its failure counts against the provider,
 * but its success does not count. A `lookup` does not show it: lookups have their own circuit breaker, so that MiniPay
 * does not keep calling a provider that is down.
 */
export type CallClass = 'money' | 'repetition' | 'lookup'

/** Of calls that move money, repetitions included. */
export type HealthSnapshot = {
  readonly state: BreakerState
  /** How long the breaker stays open; 0 when it is not. */
  readonly retryInMs: number
  /** Over the last minute. */
  readonly calls: number
  /** Calls that were definitely not sent, or whose outcome is unknown. */
  readonly errors: number
  readonly declines: number
  /** The share of calls that got a response of any kind; null without calls. */
  readonly successRate: number | null
  /** Of the calls that were sent, upper bounds within a fifth; null without any. */
  readonly latencyP50Ms: number | null
  readonly latencyP95Ms: number | null
  /** Of lookups, the breaker and the last minute. */
  readonly lookups: Pick<HealthSnapshot, 'state' | 'retryInMs' | 'calls' | 'errors'>
}

/** Shared by requests and recovery, so that both see the same failures. */
export type Health = {
  /** Whether the provider may be called now, without admitting a call. Default: calls that move money. */
  peek(provider: string, call?: 'money' | 'lookup'): Admission
  /** Admits a call. A caller that gets `probe` must pass it on when it reports the call. */
  admit(provider: string, call?: 'money' | 'lookup'): Admission
  report(provider: string, outcome: CallOutcome, durationMs: number, probe: boolean, call?: CallClass): void
  snapshot(provider: string): HealthSnapshot
}

const BUCKET_MS = 10_000
const BUCKETS = 6
export const HEALTH_WINDOW_MS = BUCKET_MS * BUCKETS

/** Latencies are counted in four steps an octave, from 1 ms to 65 s. */
const STEPS = 4
const LATENCIES = 16 * STEPS + 1

/** The calls of ten seconds. `slot` is the time in tens of seconds. */
type Bucket = { slot: number; calls: number; errors: number; declines: number; latencies: Uint32Array }
type Watch = { breaker: Breaker; readonly buckets: readonly Bucket[] }

/**
 * Keeps a few kilobytes a provider. `now` is in ms of a clock that does not step back; `onChange` is called when a
 * breaker opens or closes.
 */
export function createHealth(
  now: () => number,
  onChange: (provider: string, state: 'closed' | 'open', call: 'money' | 'lookup') => void = () => {},
): Health {
  const watches = { money: new Map<string, Watch>(), lookup: new Map<string, Watch>() }
  const watchOf = (provider: string, call: 'money' | 'lookup'): Watch => {
    let watch = watches[call].get(provider)
    if (!watch) {
      watch = { breaker: closedBreaker(now()), buckets: Array.from({ length: BUCKETS }, emptyBucket) }
      watches[call].set(provider, watch)
    }
    return watch
  }
  const snapshot = (provider: string, call: 'money' | 'lookup') => {
    const time = now()
    const { breaker, buckets } = watchOf(provider, call)
    const oldest = slotOf(time) - BUCKETS
    return {
      state: breakerState(breaker, time),
      retryInMs: breaker.tripped ? Math.max(0, Math.ceil(breaker.until - time)) : 0,
      ...summary(buckets.filter(({ slot }) => slot > oldest)),
    }
  }
  return {
    admit(provider, call = 'money') {
      const watch = watchOf(provider, call)
      if (!watch.breaker.tripped) return 'closed'
      const { breaker, admission } = admit(watch.breaker, now())
      watch.breaker = breaker
      return admission
    },
    peek: (provider, call = 'money') => admit(watchOf(provider, call).breaker, now()).admission,
    report(provider, outcome, durationMs, probe, call = 'money') {
      const kind = call === 'lookup' ? 'lookup' : 'money'
      const watch = watchOf(provider, kind)
      const time = now()
      const error = isError(outcome)
      count(bucketAt(watch, time), outcome, durationMs)
      if (call === 'repetition' && !error) return
      const before = watch.breaker
      watch.breaker = report(before, { error, probe: probe && call !== 'repetition' }, time)
      if (watch.breaker.tripped !== before.tripped)
        onChange(provider, watch.breaker.tripped ? 'open' : 'closed', kind)
    },
    snapshot(provider) {
      const { state, retryInMs, calls, errors } = snapshot(provider, 'lookup')
      return { ...snapshot(provider, 'money'), lookups: { state, retryInMs, calls, errors } }
    },
  }
}

/** A decline is not an error: the provider works. */
function isError(outcome: CallOutcome): boolean {
  return outcome === 'unknown' || outcome === 'not_sent'
}

function emptyBucket(): Bucket {
  return { slot: -1, calls: 0, errors: 0, declines: 0, latencies: new Uint32Array(LATENCIES) }
}

function slotOf(time: number): number {
  return Math.floor(time / BUCKET_MS)
}

/** The bucket of this time, emptied if it was last used for another time. */
function bucketAt({ buckets }: Watch, time: number): Bucket {
  const slot = slotOf(time)
  const bucket = buckets[slot % BUCKETS] as Bucket
  if (bucket.slot !== slot) {
    bucket.slot = slot
    bucket.calls = bucket.errors = bucket.declines = 0
    bucket.latencies.fill(0)
  }
  return bucket
}

function count(bucket: Bucket, outcome: CallOutcome, durationMs: number): void {
  bucket.calls++
  if (isError(outcome)) bucket.errors++
  if (outcome === 'declined') bucket.declines++
  if (outcome === 'not_sent') return
  const step = Math.ceil(Math.log2(Math.max(durationMs, 1)) * STEPS)
  const latency = Math.min(step, LATENCIES - 1)
  bucket.latencies[latency] = (bucket.latencies[latency] as number) + 1
}

function summary(buckets: readonly Bucket[]) {
  const calls = sum(buckets.map((bucket) => bucket.calls))
  const errors = sum(buckets.map((bucket) => bucket.errors))
  const latencies = Array.from({ length: LATENCIES }, (_, i) =>
    sum(buckets.map((b) => b.latencies[i] as number)),
  )
  return {
    calls,
    errors,
    declines: sum(buckets.map((bucket) => bucket.declines)),
    successRate: calls === 0 ? null : Math.round((1 - errors / calls) * 10_000) / 10_000,
    latencyP50Ms: quantile(latencies, 0.5),
    latencyP95Ms: quantile(latencies, 0.95),
  }
}

/** The upper bound of the step in which the quantile lies. */
function quantile(latencies: readonly number[], share: number): number | null {
  const all = sum(latencies)
  if (all === 0) return null
  let counted = 0
  const step = latencies.findIndex((calls) => {
    counted += calls
    return counted >= share * all
  })
  return Math.ceil(2 ** (step / STEPS))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
