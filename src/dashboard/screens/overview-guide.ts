/** The place of the guide for newcomers, which is loaded for those who may need it. */
import { useEffect, useState } from 'preact/hooks'
import { can, me } from '../me.ts'
import { component, type VNode } from '../tags.ts'

/** Where the browser remembers that the reader has hidden it. */
export const GUIDE_HIDDEN = 'minipay.first-steps'

export function Guide(): VNode | null {
  const [Steps, setSteps] = useState<(() => VNode | null) | undefined>()
  const isWanted = me.value?.mode === 'test' && can('charges:write') && can('charges:read')
  useEffect(() => {
    if (!isWanted || localStorage.getItem(GUIDE_HIDDEN) !== null) return
    // Without it, the overview is the same.
    import('../ui/first-steps.ts').then(
      ({ FirstSteps }) => setSteps(() => FirstSteps),
      () => {},
    )
  }, [isWanted])
  return Steps ? component(Steps, {}) : null
}
