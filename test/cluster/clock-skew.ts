/**
 * Loaded before a program: sets its clock off by CLOCK_SKEW_MS, as a machine's is whose time nobody keeps. The clock
 * that measures durations is right, as it is there.
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
