'use client'

import { useId } from 'react'

import { Input } from '@/components/ui/input'
import { Select } from '@/components/ui/select'
import { Textarea } from '@/components/ui/textarea'
import { type Option, type ToolField, chosenIn } from '@/lib/tool-form'

import { labelOf } from '../tools/words'

interface ToolFormFieldProps {
  field: ToolField
  /** It takes the focus when the form comes. */
  first: boolean
  value: string | boolean | undefined
  fault: string | undefined
  onChange: (value: string | boolean) => void
}

/** One argument: its label, its field, and what is wrong with it. */
export function ToolFormField({ field, first, value, fault, onChange }: ToolFormFieldProps) {
  const id = useId()
  const noteId = `${id}-note`
  const { description, kind, name, required } = field
  const label = field.title ?? labelOf(name)
  // Several boxes have a name together, and each its own.
  const Label = kind === 'choices' ? 'span' : 'label'
  return (
    <div className="flex flex-col gap-1">
      <Label
        {...(kind === 'choices' ? { id: `${id}-label` } : { htmlFor: id })}
        className="text-[0.8125rem] font-medium"
        title={name}
      >
        {label}
        {required && <span className="font-normal text-muted-foreground"> (required)</span>}
      </Label>
      <Control
        field={field}
        value={value}
        onChange={onChange}
        id={id}
        autoFocus={first}
        aria-required={required}
        aria-invalid={fault !== undefined}
        aria-describedby={noteId}
      />
      <p id={noteId} className="text-xs text-muted-foreground">
        {fault === undefined ? (
          description
        ) : (
          <span role="alert" className="text-destructive" data-field-error={name}>
            {label} {fault}
          </span>
        )}
      </p>
    </div>
  )
}

interface ControlProps extends Pick<ToolFormFieldProps, 'field' | 'value' | 'onChange'> {
  id: string
  autoFocus: boolean
  'aria-required': boolean
  'aria-invalid': boolean
  'aria-describedby': string
}

function Control({ field, value, onChange, ...props }: ControlProps) {
  const text = typeof value === 'string' ? value : ''
  switch (field.kind) {
    case 'boolean':
      return (
        <input
          {...props}
          type="checkbox"
          checked={value === true}
          className="size-4.5 accent-primary"
          onChange={(event) => {
            onChange(event.target.checked)
          }}
        />
      )
    case 'choice':
      return (
        <Select
          {...props}
          value={text}
          onChange={(event) => {
            onChange(event.target.value)
          }}
        >
          <option value="">{field.required ? 'Choose…' : 'Not set'}</option>
          {field.options.map(({ label, value: option }) => (
            <option key={option} value={option}>
              {label}
            </option>
          ))}
        </Select>
      )
    case 'choices':
      return <Boxes {...props} options={field.options} text={text} onChange={onChange} />
    case 'json':
      return (
        <Textarea
          {...props}
          value={text}
          placeholder="JSON"
          spellCheck={false}
          className="font-mono"
          onChange={(event) => {
            onChange(event.target.value)
          }}
        />
      )
    case 'text':
    case 'number':
    case 'integer':
      return (
        <Input
          {...props}
          value={text}
          autoComplete="off"
          inputMode={
            field.kind === 'text' ? 'text' : field.kind === 'integer' ? 'numeric' : 'decimal'
          }
          onChange={(event) => {
            onChange(event.target.value)
          }}
        />
      )
  }
}

interface BoxesProps extends Omit<ControlProps, 'field' | 'value'> {
  options: readonly Option[]
  /** The chosen values, as a JSON list. */
  text: string
}

/** Several of some values. */
function Boxes({ autoFocus, id, onChange, options, text, ...props }: BoxesProps) {
  const chosen = chosenIn(text)
  return (
    <div
      role="group"
      aria-labelledby={`${id}-label`}
      aria-describedby={props['aria-describedby']}
      className="flex flex-wrap gap-x-4 gap-y-1.5 py-0.5"
    >
      {options.map(({ label, value }, index) => (
        <label key={value} className="flex items-center gap-2 text-[0.8125rem]">
          <input
            type="checkbox"
            autoFocus={autoFocus && index === 0}
            aria-invalid={props['aria-invalid']}
            checked={chosen.includes(value)}
            className="size-4 accent-primary"
            onChange={({ target }) => {
              const wanted = options
                .map((option) => option.value)
                .filter((one) => (one === value ? target.checked : chosen.includes(one)))
              onChange(wanted.length === 0 ? '' : JSON.stringify(wanted))
            }}
          />
          {label}
        </label>
      ))}
    </div>
  )
}
