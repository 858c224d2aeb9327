/** Commands for people who would rather use a terminal. */
import type { MeView } from '../../api/minipay/me-schemas.ts'
import { serverAddress } from '../me.ts'
import { code, component, div, pre, type VNode } from '../tags.ts'
import { CopyButton } from './values.ts'

/** A command to copy. */
export function Command({ text }: { text: string }): VNode {
  return div(
    { class: 'command' },
    pre({ tabIndex: 0 }, code({}, text)),
    component(CopyButton, { value: text, label: 'Copy the command', icon: true }),
  )
}

/** A request that makes a test payment. */
export function curl(reader: Pick<MeView, 'key'> | undefined): string {
  const key = reader?.key ? ' -H "Authorization: Bearer $MINIPAY_KEY"' : ''
  const body = '{"amount":2500,"currency":"usd","customer":"cus_42","payment_method":"tok_visa"}'
  return `curl ${serverAddress()}/api/v1/charges${key} -H 'Content-Type: application/json' -d '${body}'`
}
