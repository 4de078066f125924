import type { FieldError } from '@/types/api'

/** One of the values that an argument can have, and what it is called. */
export interface Option {
  readonly value: string
  readonly label: string
}

/** How an argument is asked for: as a choice, of one value or of several. Several are written as a JSON list. */
export type FieldKind =
  | { readonly kind: 'text' | 'number' | 'integer' | 'boolean' | 'json' }
  | { readonly kind: 'choice' | 'choices'; readonly options: readonly Option[] }

/** One argument of a tool, as a small form asks for it. */
export type ToolField = FieldKind & {
  readonly name: string
  readonly required: boolean
  /** What it is called, where the schema says so. */
  readonly title?: string
  readonly description?: string
}

/** What was written into the fields, by their names; a field that is left alone is absent. */
export type Written = Readonly<Record<string, string | boolean>>

/** What is wrong, by the field's name; what belongs to no field stands under the empty name. */
export type Faults = Readonly<Record<string, string>>

/** A longer choice is written by hand. */
const MAX_OPTIONS = 500

type Schema = Readonly<Record<string, unknown>>

/** The fields for a tool's arguments. Whatever has no field of its own kind is written as JSON. */
export function fieldsFor(inputSchema: Schema): ToolField[] {
  const { properties, required } = inputSchema
  if (!isObject(properties)) return []
  const names = new Set(Array.isArray(required) ? required : [])
  return Object.entries(properties)
    .map(([name, property]): ToolField => {
      const schema = isObject(property) ? property : {}
      const { description, title } = schema
      return {
        ...kindOf(schema),
        name,
        required: names.has(name),
        ...(typeof title === 'string' && title !== '' && { title }),
        ...(typeof description === 'string' && { description }),
      }
    })
    .sort((a, b) => Number(b.required) - Number(a.required))
}

function kindOf(schema: Schema): FieldKind {
  const options = optionsOf(schema)
  if (options !== undefined) return { kind: 'choice', options }
  const { type } = schema
  // An argument that may be left out is often written as one that may be null.
  const types = (Array.isArray(type) ? type : [type]).filter((one) => one !== 'null')
  switch (types.length === 1 ? types[0] : undefined) {
    case 'string':
      return { kind: 'text' }
    case 'number':
      return { kind: 'number' }
    case 'integer':
      return { kind: 'integer' }
    case 'boolean':
      return { kind: 'boolean' }
    case 'array': {
      const several = isObject(schema['items']) ? optionsOf(schema['items']) : undefined
      return several === undefined ? { kind: 'json' } : { kind: 'choices', options: several }
    }
    default:
      return { kind: 'json' }
  }
}

/** The texts of which a value is one: bare, with names beside them, or each with a title (MCP, elicitation). */
function optionsOf(schema: Schema): readonly Option[] | undefined {
  const { anyOf, enum: values, enumNames, oneOf } = schema
  const names: readonly unknown[] = Array.isArray(enumNames) ? enumNames : []
  const variants: unknown = Array.isArray(values)
    ? values.map((value: unknown, index) => ({ const: value, title: names[index] }))
    : (oneOf ?? anyOf)
  if (!Array.isArray(variants) || variants.length === 0 || variants.length > MAX_OPTIONS)
    return undefined
  const options: Option[] = []
  for (const variant of variants as unknown[]) {
    if (!isObject(variant) || typeof variant['const'] !== 'string') return undefined
    const { const: value, title } = variant
    options.push({ value, label: typeof title === 'string' && title !== '' ? title : value })
  }
  return options
}

/** The arguments that the fields stand for, or what is wrong with them. Whether they fit is for the server to say. */
export function argumentsFrom(
  fields: readonly ToolField[],
  written: Written,
): { readonly args: Record<string, unknown> } | { readonly faults: Faults } {
  const args: Record<string, unknown> = {}
  const faults: Record<string, string> = {}
  for (const field of fields) {
    const value = written[field.name]
    if (value === undefined || value === '') {
      if (field.required && field.kind !== 'boolean') faults[field.name] = 'is required'
      else if (field.required) args[field.name] = false
      continue
    }
    const read = typeof value === 'boolean' ? { value } : valueOf(field, value)
    if ('fault' in read) faults[field.name] = read.fault
    else args[field.name] = read.value
  }
  return Object.keys(faults).length > 0 ? { faults } : { args }
}

function valueOf(
  { kind }: ToolField,
  text: string,
): { readonly value: unknown } | { readonly fault: string } {
  switch (kind) {
    case 'text':
    case 'choice':
    case 'boolean':
      return { value: text }
    case 'number':
    case 'integer': {
      const value = Number(text)
      return Number.isFinite(value) ? { value } : { fault: 'must be a number' }
    }
    case 'choices':
    case 'json':
      try {
        return { value: JSON.parse(text) as unknown }
      } catch {
        return { fault: 'must be JSON' }
      }
  }
}

/** The values that are chosen in a field for several; a foreign schema may begin it with anything. */
export function chosenIn(text: string): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list : []
  } catch {
    return []
  }
}

/** What the fields begin with, where the schema says so. */
export function defaultsOf(schema: Schema): Written {
  const { properties } = schema
  if (!isObject(properties)) return {}
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, property]) => {
      const value = isObject(property) ? property['default'] : undefined
      if (value === undefined || value === null) return []
      const plain = typeof value === 'string' || typeof value === 'boolean'
      return [[name, plain ? value : JSON.stringify(value)]]
    }),
  )
}

/** What the server finds wrong with the values (`args.name…`, or below another root), by field. */
export function faultsFrom(
  fields: readonly ToolField[],
  errors: readonly FieldError[],
  root = 'args',
): Faults {
  const faults: Record<string, string> = {}
  for (const { message, path } of errors) {
    const below = path.startsWith(root) ? path.slice(root.length) : ''
    const [, name = '', deeper = ''] = /^\.?([^.[]*)(.*)$/.exec(below) ?? []
    const isField = fields.some((field) => field.name === name)
    const key = isField ? name : ''
    const text = isField && deeper === '' ? message : `${path} ${message}`
    faults[key] = faults[key] === undefined ? text : `${faults[key]}; ${text}`
  }
  return faults
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
