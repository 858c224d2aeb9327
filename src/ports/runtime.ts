/**
 * The time, timers and randomness of a process. `app/` and `workers/` get them from here alone, so that a test or a
 * simulator can run them with a time of its own: see `runtime/node` and `runtime/manual`.
 */

/** A timer that has not fired yet; cancelling one that has fired does nothing. */
export type Timer = { cancel(): void }

export type Runtime = {
  /** The machine's clock, in ms since 1970. People and NTP may set it. */
  readonly now: () => number
  /** A clock that nothing sets, in ms with fractions. Only the difference of two readings has a meaning. */
  readonly monotonic: () => number
  /** Calls `action` once, `ms` milliseconds from now. 0 is the next turn of the event loop or the one after it. */
  readonly after: (ms: number, action: () => void) => Timer
  /** Calls `action` once, after the I/O that is ready now. */
  readonly nextTurn: (action: () => void) => void
  /** Fills the array with bytes from a cryptographic source. */
  readonly random: (bytes: Uint8Array) => void
  /** A random UUID (RFC 9562, version 4). */
  readonly uuid: () => string
}

/** Resolves after `ms` milliseconds. */
export function sleep({ after }: Pick<Runtime, 'after'>, ms: number): Promise<void> {
  return new Promise((resolve) => void after(ms, resolve))
}

/** Calls `action` every `ms` milliseconds, the first time after `ms`, until it is canceled. */
export function every({ after }: Pick<Runtime, 'after'>, ms: number, action: () => void): Timer {
  const fire = () => {
    timer = after(ms, fire)
    action()
  }
  let timer = after(ms, fire)
  return { cancel: () => timer.cancel() }
}

/**
 * The result of `promise` if it settles within `ms` milliseconds, otherwise `late`. Rejects as `promise` does; a
 * rejection that comes too late is ignored. `promise` itself continues.
 */
export async function within<T, L = undefined>(
  { after }: Pick<Runtime, 'after'>,
  ms: number,
  promise: Promise<T>,
  late?: L,
): Promise<T | L> {
  const { promise: timedOut, resolve } = Promise.withResolvers<L>()
  const timer = after(ms, () => resolve(late as L))
  try {
    return await Promise.race([promise, timedOut])
  } finally {
    timer.cancel()
  }
}

/**
 * As `within`, for a call that can be aborted: its signal fires after `ms` milliseconds, and a call that ignores it for
 * `graceMs` more is late. Both times end after the I/O that is ready then: on a busy machine a response may have
 * arrived in time, while the event loop was late.
 */
export async function withDeadline<T, L>(
  runtime: Pick<Runtime, 'after' | 'nextTurn'>,
  { ms, graceMs }: { readonly ms: number; readonly graceMs: number },
  call: (signal: AbortSignal) => Promise<T>,
  late: L,
): Promise<T | L> {
  const deadline = new AbortController()
  const after: Runtime['after'] = (ms, action) => runtime.after(ms, () => runtime.nextTurn(action))
  const timer = after(ms, () => deadline.abort())
  try {
    return await within({ after }, ms + graceMs, call(deadline.signal), late)
  } finally {
    timer.cancel()
  }
}
