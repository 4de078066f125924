'use client'

import { useId } from 'react'

import { Input } from '@/components/ui/input'
import { Select } from '@/components/ui/select'
import { Textarea } from '@/components/ui/textarea'
import type { ToolField } from '@/lib/tool-form'

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
  const { description, name, required } = field
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-[0.8125rem] font-medium" title={name}>
        {labelOf(name)}
        {required ? (
          <span className="ml-1 font-normal text-muted-foreground">(required)</span>
        ) : null}
      </label>
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
            {labelOf(name)} {fault}
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
          {field.options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </Select>
      )
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
