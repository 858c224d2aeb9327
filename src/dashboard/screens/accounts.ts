import type { AccountView } from '../../api/minipay/account-schemas.ts'
import { api } from '../api.ts'
import { can, me } from '../me.ts'
import { type ListPage, usePages } from '../resource.ts'
import { href } from '../router.ts'
import { a, button, component, p, span, type VNode } from '../tags.ts'
import { Empty } from '../ui/empty.ts'
import { Menu } from '../ui/menu.ts'
import { Page, showDialog, withModule } from '../ui/page.ts'
import type { Changing } from '../ui/rename-dialog.ts'
import { type Column, List } from '../ui/table.ts'
import { Id, Pill, Time } from '../ui/values.ts'

const dialogs = () => import('../account-dialogs.ts')
const renaming = () => import('../ui/rename-dialog.ts')

type Listed = AccountView & Pick<Changing, 'onDone'>

const COLUMNS: readonly Column<Listed>[] = [
  {
    head: 'Name',
    class: 'wide lead',
    cell: ({ id, name }) =>
      span({}, name, me.value?.account.id === id ? span({ class: 'soft' }, ' · yours') : null),
  },
  {
    head: 'Status',
    class: 'side',
    cell: ({ closed_at: closed }) =>
      closed === null
        ? component(Pill, { tone: 'good', word: 'Open' })
        : component(Pill, { tone: 'quiet', word: 'Closed', title: closed }),
  },
  { head: 'Id', class: 'second', cell: ({ id }) => component(Id, { id }) },
  {
    head: 'Made',
    cell: ({ created_at: at }) =>
      Date.parse(at) === 0 ? 'With the database' : component(Time, { at, style: 'day' }),
  },
  { head: 'Actions', class: 'action', optional: true, cell: actionsOf },
]

/** Keys of another account are seen by a live key alone. */
const KEYS: Column<Listed> = {
  head: 'Keys',
  cell: ({ id }) => a({ href: href('/keys', { account: id }) }, 'Show keys'),
}

function actionsOf(account: Listed): VNode | null {
  if (!can('accounts:write') || account.closed_at !== null) return null
  const { id, name, onDone } = account
  const isFirst = Date.parse(account.created_at) === 0
  const rename = { noun: 'account', path: `/accounts/${id}`, name, onDone }
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
      ...(isFirst || me.value?.account.id === id
        ? []
        : [
            {
              label: 'Close',
              onSelect: () =>
                withModule(dialogs, ({ CloseDialog }) =>
                  showDialog((close) => component(CloseDialog, { account, close, onDone })),
                ),
              danger: true,
            },
          ]),
    ],
  })
}

export default function Accounts(): VNode {
  const pages = usePages<Listed>(
    async (after, signal) => {
      const page = await api.get<ListPage<AccountView>>(
        '/accounts',
        { limit: 50, starting_after: after },
        { signal },
      )
      return { ...page, data: page.data.map((account) => ({ ...account, onDone: () => pages.reload() })) }
    },
    ({ id }) => id,
  )
  const create = () =>
    withModule(dialogs, ({ CreateDialog }) =>
      showDialog((close) => component(CreateDialog, { close, onDone: () => pages.reload() })),
    )
  return component(
    Page,
    {
      title: 'Accounts',
      actions: can('accounts:write')
        ? button({ type: 'button', class: 'button primary', onClick: create }, 'Make an account')
        : null,
    },
    can('accounts:write')
      ? null
      : p({ class: 'soft' }, 'Only a live key of the first account can change accounts.'),
    List<Listed>({
      ...{
        label: 'Accounts',
        noun: 'account',
        columns: can('accounts:write') ? [...COLUMNS.slice(0, -1), KEYS, ...COLUMNS.slice(-1)] : COLUMNS,
        pages,
        idOf: ({ id }) => id,
        clickable: false,
      },
      empty: component(Empty, { title: 'No accounts' }),
    }),
  )
}
