/**
 * Elements as typed functions: `div({ class: 'card' }, text)`. The compiler checks names and values of attributes, and
 * Node can run the file as it is, which it cannot do with JSX.
 */
import {
  type Attributes,
  type ComponentChildren,
  type ComponentType,
  Fragment,
  h,
  type JSX,
  type VNode,
} from 'preact'

export type { ComponentChildren, VNode } from 'preact'

type Name = keyof JSX.IntrinsicElements
type Data = { readonly [name: `data-${string}`]: string | number | boolean | undefined }
/** Preact's types of `input` differ by the type of the field, so a field whose type varies would not fit. */
type Props<N extends Name> = N extends 'input'
  ? Omit<JSX.IntrinsicElements['input'], 'type' | 'role' | 'list'> & {
      readonly type?: string
      readonly role?: string
      readonly list?: string
    }
  : JSX.IntrinsicElements[N]
type Tag<N extends Name> = (props: Props<N> & Data, ...children: ComponentChildren[]) => VNode

const tag =
  <N extends Name>(name: N): Tag<N> =>
  (props, ...children) =>
    h(name as string, props as object, ...children)

export const a = tag('a')
export const button = tag('button')
export const caption = tag('caption')
export const code = tag('code')
export const dd = tag('dd')
export const details = tag('details')
export const dialog = tag('dialog')
export const div = tag('div')
export const dl = tag('dl')
export const dt = tag('dt')
export const em = tag('em')
export const fieldset = tag('fieldset')
export const footer = tag('footer')
export const form = tag('form')
export const h1 = tag('h1')
export const h2 = tag('h2')
export const h3 = tag('h3')
export const header = tag('header')
export const hr = tag('hr')
export const input = tag('input')
export const kbd = tag('kbd')
export const label = tag('label')
export const legend = tag('legend')
export const li = tag('li')
export const main = tag('main')
export const nav = tag('nav')
export const ol = tag('ol')
export const option = tag('option')
export const p = tag('p')
export const pre = tag('pre')
export const progress = tag('progress')
export const section = tag('section')
export const select = tag('select')
export const small = tag('small')
export const span = tag('span')
export const strong = tag('strong')
export const summary = tag('summary')
export const table = tag('table')
export const tbody = tag('tbody')
export const td = tag('td')
export const textarea = tag('textarea')
export const tfoot = tag('tfoot')
export const th = tag('th')
export const thead = tag('thead')
export const time = tag('time')
export const tr = tag('tr')
export const ul = tag('ul')

export const svg = tag('svg')
export const circle = tag('circle')
export const g = tag('g')
export const line = tag('line')
export const path = tag('path')
export const polyline = tag('polyline')
export const rect = tag('rect')
export const text = tag('text')
export const title = tag('title')

/** Children without an element around them. */
export function fragment(...children: ComponentChildren[]): VNode {
  return h(Fragment, null, ...children)
}

/** A component with its properties: `component(Badge, { tone: 'good' }, 'Succeeded')`. A `key` may be among them. */
export function component<P extends object>(
  type: ComponentType<P>,
  props: P & Attributes,
  ...children: ComponentChildren[]
): VNode {
  return h(type as ComponentType<object>, props, ...children)
}
