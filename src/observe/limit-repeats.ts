/** True for the first of a run, and for one every ten seconds while it lasts. */
export function limitRepeats(): () => boolean {
  let quietUntil = 0
  return () => {
    if (performance.now() < quietUntil) return false
    quietUntil = performance.now() + 10_000
    return true
  }
}
