/** Choices of the reader that this browser keeps. */
import { effect, type Signal, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'

function read(name: string): string | null {
  try {
    return localStorage.getItem(`minipay.${name}`)
  } catch {
    // Storage is blocked: the choices hold until the page is closed.
    return null
  }
}

/** A signal that the browser keeps under this name; another value than these becomes the first. */
function kept<T extends string>(name: string, values: readonly [T, ...T[]]): Signal<T> {
  const stored = read(name)
  const state = signal<T>(values.find((value) => value === stored) ?? values[0])
  effect(() => {
    try {
      localStorage.setItem(`minipay.${name}`, state.value)
    } catch {
      // As above.
    }
  })
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
