import type {
  ArrayFieldItemTemplateProps,
  ArrayFieldTemplateProps,
  FieldTemplateProps,
  MultiSchemaFieldTemplateProps,
  ObjectFieldTemplateProps,
} from '@rjsf/utils'
import { ADDITIONAL_PROPERTY_FLAG } from '@rjsf/utils'
import { ArrowDown, ArrowUp, Plus, Trash2 } from 'lucide-react'

import { Button } from '@/components/ui/button'
import { Input } from '@/components/ui/input'
import { cn } from '@/lib/utils'

import { WithCode } from '../WithCode'

/** The ids of what stands below a field. */
export function hintIds(id: string) {
  return { description: `${id}__hint`, errors: `${id}__faults` }
}

/** An argument: its name, the field, what it means, and what is wrong with it. */
export function FieldTemplate(props: FieldTemplateProps) {
  const {
    children,
    displayLabel,
    hidden,
    id,
    label,
    rawDescription,
    rawErrors = [],
    required,
  } = props
  if (hidden === true) return <div className="hidden">{children}</div>
  const { schema } = props
  const ids = hintIds(id)
  const isBox = schema.type === 'boolean'
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      {ADDITIONAL_PROPERTY_FLAG in schema && (
        <div className="flex gap-2">
          <Input
            key={label}
            aria-label="Name"
            defaultValue={label}
            className="font-mono max-lg:h-11"
            onBlur={props.onKeyRenameBlur}
          />
          <RemoveButton label={`Remove ${label}`} onClick={props.onRemoveProperty} />
        </div>
      )}
      {displayLabel === true && !isBox && !(ADDITIONAL_PROPERTY_FLAG in schema) && (
        <label htmlFor={id} className="text-[0.8125rem] font-medium">
          {label}
          {required !== true && (
            <span className="ml-1.5 font-normal text-muted-foreground">optional</span>
          )}
        </label>
      )}
      {children}
      {displayLabel === true && rawDescription !== undefined && rawDescription !== '' && (
        <p
          id={ids.description}
          className={cn(
            'text-xs leading-5 [overflow-wrap:anywhere] text-muted-foreground',
            isBox && 'ml-7',
          )}
        >
          <WithCode text={rawDescription} />
        </p>
      )}
      {rawErrors.length > 0 && (
        <ul id={ids.errors} className="text-xs leading-5 text-destructive">
          {rawErrors.map((message) => (
            <li key={message}>{message}</li>
          ))}
        </ul>
      )}
    </div>
  )
}

export function ObjectFieldTemplate(props: ObjectFieldTemplateProps) {
  const { fieldPathId, onAddProperty, properties, schema, title } = props
  const isRoot = fieldPathId.path.length === 0
  const fields = properties.map(({ content, name }) => <div key={name}>{content}</div>)
  const canAdd = Boolean(schema.additionalProperties)
  const addButton = canAdd && <AddButton label="Add an entry" onClick={onAddProperty} />
  if (isRoot)
    return (
      <div className="flex flex-col gap-4">
        {fields}
        {addButton}
      </div>
    )
  return (
    <fieldset className="flex min-w-0 flex-col gap-4 rounded-lg border p-3">
      {title !== '' && <legend className="px-1 text-[0.8125rem] font-medium">{title}</legend>}
      {fields}
      {addButton}
    </fieldset>
  )
}

export function ArrayFieldTemplate(props: ArrayFieldTemplateProps) {
  const { canAdd, items, onAddClick, required, title } = props
  return (
    <fieldset className="flex min-w-0 flex-col gap-2 rounded-lg border p-3">
      <legend className="px-1 text-[0.8125rem] font-medium">
        {title}
        {required !== true && (
          <span className="ml-1.5 font-normal text-muted-foreground">optional</span>
        )}
      </legend>
      {items}
      {canAdd === true && <AddButton label="Add an item" onClick={onAddClick} />}
    </fieldset>
  )
}

export function ArrayFieldItemTemplate(props: ArrayFieldItemTemplateProps) {
  const { buttonsProps, children, index } = props
  const place = index + 1
  return (
    <div className="flex items-start gap-1">
      <div className="min-w-0 flex-1">{children}</div>
      {buttonsProps.hasMoveUp && (
        <Button
          variant="ghost"
          size="icon"
          aria-label={`Move item ${place} up`}
          onClick={buttonsProps.onMoveUpItem}
        >
          <ArrowUp aria-hidden="true" />
        </Button>
      )}
      {buttonsProps.hasMoveDown && (
        <Button
          variant="ghost"
          size="icon"
          aria-label={`Move item ${place} down`}
          onClick={buttonsProps.onMoveDownItem}
        >
          <ArrowDown aria-hidden="true" />
        </Button>
      )}
      {buttonsProps.hasRemove && (
        <RemoveButton label={`Remove item ${place}`} onClick={buttonsProps.onRemoveItem} />
      )}
    </div>
  )
}

/** One of several alternatives: which, and its fields. */
export function MultiSchemaFieldTemplate(props: MultiSchemaFieldTemplateProps) {
  return (
    <div className="flex flex-col gap-3">
      {props.selector}
      {props.optionSchemaField}
    </div>
  )
}

interface IconActionProps {
  label: string
  onClick: () => void
}

function AddButton({ label, onClick }: IconActionProps) {
  return (
    <Button
      variant="outline"
      size="sm"
      className="w-fit"
      onClick={() => {
        onClick()
      }}
    >
      <Plus aria-hidden="true" />
      {label}
    </Button>
  )
}

function RemoveButton({ label, onClick }: IconActionProps) {
  return (
    <Button
      variant="ghost"
      size="icon"
      aria-label={label}
      onClick={() => {
        onClick()
      }}
    >
      <Trash2 aria-hidden="true" />
    </Button>
  )
}
