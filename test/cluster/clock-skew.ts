/**
 * Loaded before a program: sets its wall clock off by CLOCK_SKEW_MS, like that of a machine without time
 * synchronization. The monotonic clock stays correct, as it would there.
 */
const SKEW_MS = Number(process.env['CLOCK_SKEW_MS'])
const RealDate = Date
const now = () => RealDate.now() + SKEW_MS

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length > 0 ? args : [now()], newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
})
