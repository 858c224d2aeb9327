import type { ApiKeyView } from '../../api/minipay/key-schemas.ts'
import { api } from '../api.ts'
import { can, me } from '../me.ts'
import { type ListPage, usePages } from '../resource.ts'
import { go, place } from '../router.ts'
import { button, code, component, div, p, span, type VNode } from '../tags.ts'
import { sentence } from '../texts.ts'
import { Empty } from '../ui/empty.ts'
import { type Filter, Filters, filterValues } from '../ui/filters.ts'
import { Menu } from '../ui/menu.ts'
import { Later, Page, showDialog, withModule } from '../ui/page.ts'
import { type Column, List } from '../ui/table.ts'
import { Badge, Time } from '../ui/values.ts'

const creation = () => import('../key-create.ts')
const dialogs = () => import('../key-dialogs.ts')
const renaming = () => import('../ui/rename-dialog.ts')
const loadSessions = () => import('../sessions-card.ts').then(({ Sessions }) => Sessions)

/** Live keys of the operator's account see the keys of each account and mode. */
const ELSEWHERE: readonly Filter[] = [
  {
    name: 'mode',
    label: 'Mode',
    kind: 'select',
    choices: [
      ['test', 'Test'],
      ['live', 'Live'],
    ],
  },
  { name: 'account', label: 'Account', kind: 'text' },
]

type Keyed = ApiKeyView & { readonly onDone: () => void }

function stateOf({ revoked_at, expires_at }: ApiKeyView): string {
  if (revoked_at !== null) return 'revoked'
  return expires_at !== null && Date.parse(expires_at) <= Date.now() ? 'expired' : 'active'
}

const COLUMNS: readonly Column<Keyed>[] = [
  {
    head: 'Name',
    class: 'wide lead',
    cell: ({ id, name, hint }) =>
      div(
        { class: 'two-lines' },
        span({}, name, me.value?.key?.id === id ? span({ class: 'soft' }, ' · yours') : null),
        span({ class: 'mono soft' }, hint),
      ),
  },
  { head: 'Status', class: 'side', cell: (key) => component(Badge, { status: stateOf(key) }) },
  { head: 'May', class: 'second', cell: mayOf },
  { head: 'Mode', cell: ({ mode }) => sentence(mode) },
  { head: 'Last used', cell: ({ last_used_at: at }) => timeOr(at, 'Never') },
  { head: 'Expires', cell: ({ expires_at: at }) => timeOr(at, 'Never') },
  { head: 'Made', cell: ({ created_at: at }) => component(Time, { at, style: 'day' }) },
  { head: 'Actions', class: 'action', optional: true, cell: actionsOf },
]

function timeOr(at: string | null, otherwise: string): VNode {
  return at === null
    ? span({ class: 'soft' }, otherwise)
    : component(Time, { at, style: 'minute', ago: true })
}

function mayOf({ role, permissions, networks }: ApiKeyView): VNode {
  const what = role === null ? (permissions ?? []).join(', ') : sentence(role)
  return span(
    { title: what },
    what,
    networks ? span({ class: 'soft' }, ` · from ${networks.join(', ')}`) : null,
  )
}

function actionsOf(apiKey: Keyed): VNode | null {
  if (!can('keys:write') || stateOf(apiKey) !== 'active') return null
  const { id, name, onDone } = apiKey
  const rename = { noun: 'API key', path: `/keys/${id}`, name, onDone }
  const item = (label: string, dialog: 'RollKeyDialog' | 'RevokeKeyDialog', danger = false) => ({
    ...{ label, danger },
    onSelect: () =>
      withModule(dialogs, (made) =>
        showDialog((close) => component(made[dialog], { apiKey, close, onDone })),
      ),
  })
  return component(Menu, {
    label: `Actions for ${name}`,
    items: [
      {
        label: 'Rename',
        onSelect: () =>
          withModule(renaming, ({ RenameDialog }) =>
            showDialog((close) => component(RenameDialog, { ...rename, close })),
          ),
      },
      { label: 'Sessions', onSelect: () => go('/sessions', { key: id }) },
      ...(apiKey.rolled_to === null ? [item('Roll', 'RollKeyDialog')] : []),
      item('Revoke', 'RevokeKeyDialog', true),
    ],
  })
}

export default function Keys(): VNode {
  const filters = can('accounts:write') ? ELSEWHERE : []
  const query = filterValues(filters)
  const pages = usePages<Keyed>(
    async (after, signal) => {
      const page = await api.get<ListPage<ApiKeyView>>(
        '/keys',
        { ...query, limit: 50, starting_after: after },
        { signal },
      )
      return { ...page, data: page.data.map((key) => ({ ...key, onDone: () => pages.reload() })) }
    },
    ({ id }) => id,
    [place.value.query.toString()],
  )
  const create = () =>
    withModule(creation, ({ CreateKeyDialog }) =>
      showDialog((close) => component(CreateKeyDialog, { close, onDone: () => pages.reload() })),
    )
  return component(
    Page,
    {
      title: 'API keys',
      actions: can('keys:write')
        ? button({ type: 'button', class: 'button primary', onClick: create }, 'Make a key')
        : null,
    },
    filters.length > 0 ? component(Filters, { filters }) : null,
    List<Keyed>({
      ...{ label: 'API keys', noun: 'key', columns: COLUMNS, pages, idOf: ({ id }) => id, clickable: false },
      empty: component(NoKeys, {}),
    }),
    me.value?.key
      ? component(Later<{ of: string | undefined }>, { load: loadSessions, props: { of: undefined } })
      : null,
  )
}

function NoKeys(): VNode {
  return component(
    Empty,
    { title: 'No keys yet' },
    p({}, 'Make an administrator’s first: after it, every program and person needs a key.'),
    p({}, 'Or at the terminal: ', code({}, "minipay keys create 'my name' --mode test --role administrator")),
  )
}
