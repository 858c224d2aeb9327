/** What this browser keeps: choices of the reader, and the proof of the session. */
import { effect, type Signal, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'

/** Where storage is blocked, what it would keep holds until the page is closed. */
const inPage = new Map<string, string>()

function read(name: string): string | undefined {
  try {
    return localStorage.getItem(name) ?? inPage.get(name)
  } catch {
    return inPage.get(name)
  }
}

function write(name: string, value: string | undefined): void {
  inPage.delete(name)
  try {
    if (value === undefined) localStorage.removeItem(name)
    else localStorage.setItem(name, value)
  } catch {
    if (value !== undefined) inPage.set(name, value)
  }
}

/** A signal that the browser keeps under this name; another value than these becomes the first. */
function kept<T extends string>(name: string, values: readonly [T, ...T[]]): Signal<T> {
  const stored = read(`minipay.${name}`)
  const state = signal<T>(values.find((value) => value === stored) ?? values[0])
  effect(() => write(`minipay.${name}`, state.value))
  return state
}

export const theme = kept<Theme>('theme', ['system', 'light', 'dark'])
/** The time zone of every time: the reader's own, or UTC. */
export const zone = kept('zone', ['local', 'UTC'])
/** The height of the rows of tables. */
export const density = kept('density', ['normal', 'compact'])
/** Whether single letters are shortcuts (WCAG 2.2, 2.1.4). */
export const shortcuts = kept('shortcuts', ['on', 'off'])
/** The guide for newcomers on the overview. */
export const guide = kept('guide', ['shown', 'hidden'])

if (typeof document !== 'undefined')
  effect(() => {
    const { dataset } = document.documentElement
    dataset['theme'] = theme.value
    dataset['density'] = density.value
  })

const PROOF = 'minipay.proof'

/**
 * The proof of this browser's session: the second secret beside its cookie; undefined without a session. Browsers send a
 * cookie to every port of a host, but keep storage apart for each origin, whose tabs share it.
 */
export function proof(): string | undefined {
  return read(PROOF)
}

/** Keeps the proof of a new session; undefined after its end. */
export function keepProof(proof: string | undefined): void {
  write(PROOF, proof)
}

/** Calls `hear` when another tab has signed in or out. */
export function onOtherTab(hear: () => void): void {
  addEventListener('storage', ({ key }) => {
    if (key === PROOF || key === null) hear()
  })
}
