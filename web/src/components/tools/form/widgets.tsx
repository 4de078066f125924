import { type BaseInputTemplateProps, type WidgetProps, getInputProps } from '@rjsf/utils'

import { Input } from '@/components/ui/input'
import { Select } from '@/components/ui/select'
import { Textarea } from '@/components/ui/textarea'

import { hintIds } from './templates'

/** What ties a field to what stands below it. */
function described({ hideLabel, id, rawErrors = [], schema }: WidgetProps) {
  const { description, errors } = hintIds(id)
  const ids = [
    ...(rawErrors.length > 0 ? [errors] : []),
    ...(schema.description !== undefined && hideLabel !== true ? [description] : []),
  ]
  return {
    'aria-invalid': rawErrors.length > 0,
    'aria-describedby': ids.length > 0 ? ids.join(' ') : undefined,
  }
}

/** A text, a number, a date, an address: whatever a browser has a field for. */
export function BaseInputTemplate(props: BaseInputTemplateProps) {
  const { autofocus, disabled, htmlName, id, label, options, readonly, required, schema, type } =
    props
  const { step, type: kind } = getInputProps(
    schema,
    typeof type === 'string' ? type : undefined,
    options,
  )
  const value: unknown = props.value
  return (
    <Input
      id={id}
      name={htmlName ?? id}
      type={kind}
      step={step}
      aria-label={props.hideLabel === true ? label : undefined}
      {...described(props)}
      aria-required={required}
      autoFocus={autofocus}
      disabled={disabled}
      readOnly={readonly}
      spellCheck={false}
      autoComplete="off"
      placeholder={placeholderOf(schema.examples)}
      value={typeof value === 'string' || typeof value === 'number' ? value : ''}
      className="max-lg:h-11 max-lg:text-base"
      onChange={({ target }) => {
        props.onChange(target.value === '' ? options.emptyValue : target.value)
      }}
    />
  )
}

/** A text with lines. */
export function TextareaWidget(props: WidgetProps) {
  const { disabled, htmlName, id, label, onChange, options, readonly, required } = props
  const value: unknown = props.value
  return (
    <Textarea
      id={id}
      name={htmlName ?? id}
      aria-label={props.hideLabel === true ? label : undefined}
      {...described(props)}
      aria-required={required}
      disabled={disabled}
      readOnly={readonly}
      spellCheck={false}
      autoComplete="off"
      value={typeof value === 'string' ? value : ''}
      className="min-h-28 font-mono text-[0.8125rem] max-lg:text-base"
      onChange={({ target }) => {
        onChange(target.value === '' ? options.emptyValue : target.value)
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
        event.preventDefault()
        event.currentTarget.form?.requestSubmit()
      }}
    />
  )
}

/** One of some values, or several of them. */
export function SelectWidget(props: WidgetProps) {
  const { disabled, id, label, multiple, onChange, options, required } = props
  const choices = options.enumOptions ?? []
  const value: unknown = props.value
  const chosen = choices.findIndex((choice) => Object.is(choice.value, value))
  if (multiple === true) return <CheckboxesWidget {...props} />
  return (
    <Select
      id={id}
      aria-label={props.hideLabel === true || label === '' ? label || 'Kind' : undefined}
      {...described(props)}
      aria-required={required}
      disabled={disabled}
      className="w-full"
      value={chosen < 0 ? '' : String(chosen)}
      onChange={({ target }) => {
        onChange(target.value === '' ? options.emptyValue : choices[Number(target.value)]?.value)
      }}
    >
      {(chosen < 0 || required !== true) && <option value="">–</option>}
      {choices.map((choice, place) => (
        <option key={choice.label} value={place}>
          {choice.label}
        </option>
      ))}
    </Select>
  )
}

/** Yes or no. */
export function CheckboxWidget(props: WidgetProps) {
  const { disabled, id, label, onChange } = props
  return (
    <label className="flex min-h-9 items-center gap-3 text-[0.8125rem] font-medium max-lg:min-h-11">
      <input
        id={id}
        type="checkbox"
        {...described(props)}
        disabled={disabled}
        checked={props.value === true}
        className="size-4 accent-primary"
        onChange={({ target }) => {
          onChange(target.checked)
        }}
      />
      {label}
    </label>
  )
}

/** Several of some values. */
export function CheckboxesWidget(props: WidgetProps) {
  const { disabled, id, onChange, options } = props
  const choices = options.enumOptions ?? []
  const value: unknown = props.value
  const chosen: readonly unknown[] = Array.isArray(value) ? value : []
  return (
    <div id={id} role="group" aria-label={props.label} className="flex flex-wrap gap-x-5">
      {choices.map((choice) => (
        <label key={choice.label} className="flex min-h-9 items-center gap-2 text-[0.8125rem]">
          <input
            type="checkbox"
            disabled={disabled}
            checked={chosen.includes(choice.value)}
            className="size-4 accent-primary"
            onChange={({ target }) => {
              onChange(
                choices
                  .map((other) => other.value as unknown)
                  .filter((other) =>
                    other === choice.value ? target.checked : chosen.includes(other),
                  ),
              )
            }}
          />
          {choice.label}
        </label>
      ))}
    </div>
  )
}

function placeholderOf(examples: unknown): string | undefined {
  const first: unknown = Array.isArray(examples) ? examples[0] : undefined
  return typeof first === 'string' || typeof first === 'number' ? String(first) : undefined
}
