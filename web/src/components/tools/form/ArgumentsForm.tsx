'use client'

// The package's index draws in what its own tests need.
import Form from '@rjsf/core/lib/components/Form.js'
import type { ErrorSchema, RegistryWidgetsType, TemplatesType } from '@rjsf/utils'
import { type ReactNode, useMemo } from 'react'

import { type JsonSchema, forForm, looksOf } from './schema'
import {
  ArrayFieldItemTemplate,
  ArrayFieldTemplate,
  FieldTemplate,
  MultiSchemaFieldTemplate,
  ObjectFieldTemplate,
} from './templates'
import { validator } from './validator'
import {
  BaseInputTemplate,
  CheckboxWidget,
  CheckboxesWidget,
  SelectWidget,
  TextareaWidget,
} from './widgets'

const TEMPLATES: Partial<TemplatesType> = {
  ArrayFieldItemTemplate,
  ArrayFieldTemplate,
  BaseInputTemplate,
  FieldTemplate,
  MultiSchemaFieldTemplate,
  ObjectFieldTemplate,
}

const WIDGETS: RegistryWidgetsType = {
  CheckboxWidget,
  CheckboxesWidget,
  SelectWidget,
  TextareaWidget,
}

type Arguments = Record<string, unknown>

interface ArgumentsFormProps {
  schema: JsonSchema
  args: Arguments
  faults: ErrorSchema
  onChange: (args: Arguments) => void
  onSubmit: () => void
  /** The buttons below the fields. */
  children: ReactNode
}

/** A form made from a tool's schema. */
export default function ArgumentsForm(props: ArgumentsFormProps) {
  const { args, children, faults, onChange, onSubmit } = props
  const schema = useMemo(() => forForm(props.schema), [props.schema])
  const looks = useMemo(() => looksOf(props.schema), [props.schema])
  return (
    <Form<Arguments>
      idPrefix="argument"
      className="flex flex-col gap-4"
      schema={schema}
      uiSchema={looks}
      formData={args}
      extraErrors={faults}
      validator={validator}
      templates={TEMPLATES}
      widgets={WIDGETS}
      noHtml5Validate
      showErrorList={false}
      onChange={({ formData }) => {
        onChange(formData ?? {})
      }}
      onSubmit={onSubmit}
    >
      {children}
    </Form>
  )
}
