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
export function within<T, L = undefined>(
  { after }: Pick<Runtime, 'after'>,
  ms: number,
  promise: Promise<T>,
  late?: L,
): Promise<T | L> {
  return new Promise((resolve, reject) => {
    const timer = after(ms, () => resolve(late as L))
    promise.then(
      (value) => {
        timer.cancel()
        resolve(value)
      },
      (error) => {
        timer.cancel()
        reject(error)
      },
    )
  })
}

/** Ends a call that takes too long. An `AbortSignal` is one; MiniPay's own takes a tenth of its time. */
export type CallSignal = {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

class Deadline implements CallSignal {
  aborted = false
  #listeners: (() => void)[] = []

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners.filter((one) => one !== listener)
  }

  abort(): void {
    this.aborted = true
    for (const listener of this.#listeners) listener()
  }
}

/**
 * As `within`, for a call that can be aborted: its signal fires after `ms` milliseconds, and a call that ignores it for
 * `graceMs` more is late. Both times end after the I/O that is ready then: on a busy machine a response may have
 * arrived in time, while the event loop was late.
 */
export function withDeadline<T, L>(
  runtime: Pick<Runtime, 'after' | 'nextTurn'>,
  { ms, graceMs }: { readonly ms: number; readonly graceMs: number },
  call: (signal: CallSignal) => Promise<T>,
  late: L,
): Promise<T | L> {
  return new Promise((resolve, reject) => {
    const deadline = new Deadline()
    let settled = false
    const after = (time: number, action: () => void) =>
      runtime.after(time, () => runtime.nextTurn(() => settled || action()))
    const called = call(deadline)
    let timer = after(ms, () => {
      timer = after(graceMs, () => resolve(late))
      deadline.abort()
    })
    const settle = () => {
      settled = true
      timer.cancel()
    }
    called.then(
      (value) => {
        settle()
        resolve(value)
      },
      (error) => {
        settle()
        reject(error)
      },
    )
  })
}
