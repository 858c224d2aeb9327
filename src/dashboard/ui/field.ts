import { useId } from 'preact/hooks'
import { div, input, label, option, select, span, textarea, type VNode } from '../tags.ts'

type Common = {
  /** The name of its value in the form. */
  name: string
  label: string
  /** A line below the field. */
  hint?: string | undefined
  /** A sentence that says what is wrong with the value. */
  problem?: string | undefined
  required?: boolean
}

type FrameProps = Common & {
  control: (props: {
    id: string
    name: string
    'aria-describedby'?: string
    'aria-invalid'?: boolean
  }) => VNode
}

/** A label above a control, with a hint or a problem below it. */
function frame(id: string, { name, label: words, hint, problem, control }: FrameProps): VNode {
  const below = problem ?? hint
  return div(
    { class: `field ${problem === undefined ? '' : 'wrong'}` },
    label({ for: id }, words),
    control({
      ...{ id, name },
      ...(below !== undefined && { 'aria-describedby': `${id}-below` }),
      ...(problem !== undefined && { 'aria-invalid': true }),
    }),
    below === undefined
      ? null
      : span({ id: `${id}-below`, class: problem === undefined ? 'hint' : 'problem' }, below),
  )
}

export type TextFieldProps = Common & {
  value?: string
  placeholder?: string
  type?: 'text' | 'search' | 'password' | 'date' | 'datetime-local' | 'number' | 'url'
  /** Called with each change. Without it, a form's dialog reads the value when it is sent. */
  onInput?: (value: string) => void
  inputMode?: 'decimal' | 'numeric' | 'text'
  autoFocus?: boolean
  autocomplete?: string
  maxLength?: number
}

export function TextField(props: TextFieldProps): VNode {
  const {
    value,
    placeholder,
    type = 'text',
    onInput,
    inputMode,
    autoFocus,
    autocomplete = 'off',
    required,
    maxLength,
  } = props
  return frame(useId(), {
    ...props,
    control: (own) =>
      input({
        ...own,
        ...{ type, placeholder, inputMode, required, maxLength, autocomplete, spellcheck: false },
        ...(onInput
          ? { value: value ?? '', onInput: (event) => onInput(event.currentTarget.value) }
          : { defaultValue: value }),
        ...(autoFocus && { autofocus: true }),
      }),
  })
}

export function TextArea(
  props: Common & { value?: string; rows?: number; onInput?: (value: string) => void },
): VNode {
  const { value, rows = 3, onInput, required } = props
  return frame(useId(), {
    ...props,
    control: (own) =>
      textarea({
        ...{ ...own, rows, required, spellcheck: false },
        ...(onInput
          ? { value: value ?? '', onInput: (event) => onInput(event.currentTarget.value) }
          : { defaultValue: value }),
      }),
  })
}

export type Choice = readonly [value: string, words: string]

export function SelectField(
  props: Common & { value?: string; choices: readonly Choice[]; onChange?: (value: string) => void },
): VNode {
  const { value, choices, onChange, required } = props
  return frame(useId(), {
    ...props,
    control: (own) =>
      select(
        {
          ...{ ...own, required },
          ...(onChange && {
            value,
            onChange: (event: Event & { currentTarget: HTMLSelectElement }) =>
              onChange(event.currentTarget.value),
          }),
        },
        ...choices.map(([of, words]) => option({ value: of, key: of, selected: of === value }, words)),
      ),
  })
}

export function Checkbox({
  name,
  label: words,
  checked,
  hint,
}: {
  name: string
  label: string
  checked?: boolean
  hint?: string
}): VNode {
  return label(
    { class: 'checkbox' },
    input({ type: 'checkbox', name, defaultChecked: checked ?? false }),
    span({}, words, hint === undefined ? null : span({ class: 'hint' }, hint)),
  )
}
