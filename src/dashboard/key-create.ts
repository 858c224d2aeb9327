/** The form that makes an API key. */
import { useState } from 'preact/hooks'
import { PERMISSIONS, ROLES, type Role } from '../domain/access/permissions.ts'
import { api } from './api.ts'
import { type MadeKey, makeAndShow } from './key-secret.ts'
import { can, me } from './me.ts'
import { component, fieldset, input, label, legend, p, span, type VNode } from './tags.ts'
import { FormDialog, type FormValues } from './ui/dialog.ts'
import { type Choice, SelectField, TextField } from './ui/field.ts'
import type { Changing } from './ui/rename-dialog.ts'

const ROLE_WORDS: Readonly<Record<Role, string>> = {
  read_only: 'Read only · sees payments, webhooks, rules and reports',
  support: 'Support · the same, and refunds',
  application: "Application · charges and refunds: for a shop's server",
  administrator: 'Administrator · everything',
}
const OWN = 'own'
const DAY_MS = 86_400_000
const EXPIRIES: readonly Choice[] = [
  ['', 'Never'],
  ['1', 'In a day'],
  ['30', 'In 30 days'],
  ['90', 'In 90 days'],
  ['365', 'In a year'],
]
const MODES: readonly Choice[] = [
  ['test', 'Test · no money moves'],
  ['live', 'Live · real money'],
]
/** A role that the reader may give: no key grants more than its maker has. */
function isGrantable(role: Role): boolean {
  const own = me.value?.key
  if (role === 'administrator') return own === null || own?.role === 'administrator'
  return ROLES[role].every(can)
}

export function CreateKeyDialog({ close, onDone }: Changing): VNode {
  const isFirst = me.value?.access === 'loopback'
  const [role, setRole] = useState<string>(isFirst ? 'administrator' : 'read_only')
  const [expires, setExpires] = useState('')
  const [networks, setNetworks] = useState('')
  const roles = (Object.keys(ROLES) as Role[])
    .filter(isGrantable)
    .map((name): Choice => [name, ROLE_WORDS[name]])
  const create = (values: FormValues) =>
    makeAndShow(() => api.post<MadeKey>('/keys', bodyOf(values, role)), onDone)
  return component(
    FormDialog,
    {
      title: 'Make an API key',
      submit: 'Make the key',
      purpose: 'make a key',
      onSubmit: create,
      onClose: close,
    },
    component(TextField, {
      ...{ name: 'name', label: 'Name', required: true, maxLength: 255, autoFocus: true },
      hint: 'Who or what uses it, such as “web shop”.',
    }),
    component(SelectField, {
      ...{ name: 'role', label: 'Role', value: role, onChange: setRole },
      choices: [...roles, [OWN, 'Choose permissions']],
    }),
    role === OWN ? component(Permissions, {}) : null,
    can('accounts:write')
      ? component(SelectField, {
          name: 'mode',
          label: 'Mode',
          value: me.value?.mode ?? 'test',
          choices: MODES,
        })
      : null,
    component(SelectField, {
      ...{ name: 'expires', label: 'Expires', value: expires, onChange: setExpires },
      choices: EXPIRIES,
    }),
    component(TextField, {
      ...{ name: 'networks', label: 'Addresses that may use it', placeholder: '203.0.113.0/24' },
      ...{ value: networks, onInput: setNetworks },
      hint: 'Separated by commas. Empty: all.',
    }),
    isFirst ? component(FirstKeyNote, { role, isLimited: expires !== '' || networks.trim() !== '' }) : null,
  )
}

const IN_DATABASE =
  "Then only a command in the database itself makes an administrator's key: minipay keys create 'my name' --mode test " +
  '--role administrator. On SQLite, stop the server first.'

/** What follows from the first key, before it is made: one that is too weak locks its maker out. */
function FirstKeyNote({ role, isLimited }: { role: string; isLimited: boolean }): VNode {
  return p(
    { class: 'note', role: 'status' },
    'From this first key on, every request needs a key. ',
    role !== 'administrator'
      ? `This one cannot make an administrator's: choose Administrator first. ${IN_DATABASE}`
      : isLimited
        ? `This one may stop working while it is your only one. ${IN_DATABASE}`
        : 'You then sign in here with it.',
  )
}

function bodyOf({ name, mode, expires, networks, ...rest }: FormValues, role: string): object {
  const addresses = (networks ?? '').split(/[\s,]+/).filter((text) => text !== '')
  const days = Number(expires)
  return {
    name,
    ...(role === OWN ? { permissions: PERMISSIONS.filter((permission) => permission in rest) } : { role }),
    ...(mode !== undefined && { mode }),
    ...(days > 0 && { expires_at: new Date(Date.now() + days * DAY_MS).toISOString() }),
    ...(addresses.length > 0 && { networks: addresses }),
  }
}

function Permissions(): VNode {
  return fieldset(
    { class: 'permissions' },
    legend({}, 'Permissions'),
    ...PERMISSIONS.filter(can).map((permission) =>
      label(
        { class: 'checkbox', key: permission },
        input({ type: 'checkbox', name: permission }),
        span({ class: 'mono' }, permission),
      ),
    ),
  )
}
