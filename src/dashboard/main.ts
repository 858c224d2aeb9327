/** The first module of the dashboard. */
import { render } from 'preact'
import { loadMe } from './me.ts'
import './preferences.ts'
import { followLinks } from './router.ts'
import { Shell } from './shell.ts'
import { component } from './tags.ts'

const root = document.getElementById('dashboard')
if (root) {
  followLinks()
  void loadMe()
  render(component(Shell, {}), root)
  // After the first rows.
  void import('./attention.ts').then(({ startAttention }) => startAttention())
}
