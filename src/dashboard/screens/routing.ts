import { component, p, type VNode } from '../tags.ts'
import { Empty } from '../ui/empty.ts'
import { Page } from '../ui/page.ts'

export default function Routing(): VNode {
  return component(
    Page,
    { title: 'Routing' },
    component(
      Empty,
      { title: 'This part of the dashboard is on its way' },
      p({}, 'The API has it already: see the documentation at /docs.'),
    ),
  )
}
