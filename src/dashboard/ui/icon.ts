import { path, svg, type VNode } from '../tags.ts'

const PATHS = {
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  menu: 'M2 4h12M2 8h12M2 12h12',
  more: 'M2.5 8h1M7.5 8h1M12.5 8h1',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.6 10.6 14 14',
  close: 'M3.5 3.5l9 9M12.5 3.5l-9 9',
  check: 'M3 8.5 6.5 12 13 4.5',
  warning: 'M8 2 14.5 13.5h-13zM8 6.5v3M8 11.6v.01',
} as const
export type IconName = keyof typeof PATHS

/** A small drawing in the colour of its text, without meaning of its own: the control beside it has the words. */
export function Icon({ name }: { name: IconName }): VNode {
  return svg(
    { class: 'icon', viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': true },
    path({ d: PATHS[name] }),
  )
}
