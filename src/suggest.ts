import leven from 'leven'

/** Longer words are not compared: a name of ours has at most some thirty characters. */
const MAX_WORD = 40

/** The known word that a wrong one was probably meant to be: with few letters added, left out or changed; undefined when none is near. */
export function suggest(wrong: string, known: readonly string[]): string | undefined {
  if (wrong.length > MAX_WORD) return undefined
  const word = wrong.toLowerCase()
  const most = wrong.length < 4 ? 1 : Math.max(2, Math.floor(wrong.length / 3))
  const near = known
    .map((candidate) => ({ candidate, distance: distance(word, candidate.toLowerCase()) }))
    .filter((pair) => pair.distance <= most)
    .sort((a, b) => a.distance - b.distance)
  return near[0]?.candidate
}

/** A known word that begins with the wrong one counts as near, even if it is much longer. */
function distance(wrong: string, word: string): number {
  return wrong.length >= 3 && word.startsWith(wrong) ? 1 : leven(wrong, word)
}

/** The same as the end of a sentence, or nothing. */
export function didYouMean(wrong: string, known: readonly string[], prefix = ''): string {
  const word = suggest(wrong, known)
  return word === undefined ? '' : ` Did you mean ${prefix}${word}?`
}
