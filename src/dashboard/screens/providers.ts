import { component, p, type VNode } from '../tags.ts'
import { Empty } from '../ui/empty.ts'
import { Page } from '../ui/page.ts'

export default function Providers(): VNode {
  return component(
    Page,
    { title: 'Providers' },
    component(
      Empty,
      { title: 'This part of the dashboard is on its way' },
      p({}, 'The API has it already: see the documentation at /docs.'),
    ),
  )
}
