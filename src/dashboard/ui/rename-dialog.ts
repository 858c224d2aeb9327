import { api } from '../api.ts'
import { component, type VNode } from '../tags.ts'
import { FormDialog, type FormValues } from './dialog.ts'
import { TextField } from './field.ts'

/** What every dialog about an object of a list gets: how it closes, and what to do once the list has changed. */
export type Changing = { readonly close: () => void; readonly onDone: () => void }

type RenameProps = Changing & {
  /** What it is: "API key". */
  readonly noun: string
  /** Its path in the API. */
  readonly path: string
  readonly name: string
}

/** Gives another name to an object that the API changes by PATCH. */
export function RenameDialog({ noun, path, name, close, onDone }: RenameProps): VNode {
  const rename = async (values: FormValues) => {
    await api.patch(path, { name: values['name'] })
    onDone()
    return `Renamed the ${noun}`
  }
  return component(
    FormDialog,
    {
      ...{ title: `Rename ${noun}`, submit: 'Rename', purpose: `rename ${path}` },
      ...{ onSubmit: rename, onClose: close },
    },
    component(TextField, {
      ...{ name: 'name', label: 'Name', value: name },
      ...{ required: true, maxLength: 255, autoFocus: true },
    }),
  )
}
