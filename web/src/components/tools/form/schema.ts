import type { RJSFSchema, UiSchema } from '@rjsf/utils'

import { labelOf } from '../words'
import { isSmallSchema, withoutChecks } from './bounds'

/** A JSON Schema as it comes: of nobody knows what form, for it may be a stranger's. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** Texts with such a name have lines. */
const OF_LINES =
  /^(code|sql|query_?text|text|content|body|table|data|csv|json|markdown|html|script|message|prompt)$/i
/** How deep a schema is made ready; what lies deeper stays as it is. */
const DEEPEST = 8

/** The names of the arguments that a tool takes. */
export function argumentsIn(schema: JsonSchema): string[] {
  return Object.keys(recordOf(schema['properties']))
}

/** Can each argument be asked for in a field? What may be anything, and what is too large, is better written as JSON. */
export function fitsForm(schema: JsonSchema): boolean {
  if (!isSmallSchema(schema)) return false
  const properties = Object.values(recordOf(schema['properties']))
  return properties.every((property) => {
    const known = recordOf(property)
    return ['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref'].some(
      (word) => word in known,
    )
  })
}

/** The schema as the form shows it: labels for people, and nothing that is optional only by being `null`. */
export function forForm(schema: JsonSchema): RJSFSchema {
  const { description: _description, title: _title, ...rest } = withoutChecks(schema)
  return ready({ type: 'object', ...rest }, 0)
}

/** How the arguments are asked for, where their types do not say it. */
export function looksOf(schema: JsonSchema): UiSchema {
  const looks: UiSchema = {}
  for (const [name, property] of Object.entries(recordOf(schema['properties']))) {
    const known = recordOf(property)
    const isText = ready(known, 1).type === 'string' && !('enum' in known)
    if (isText && OF_LINES.test(name)) looks[name] = { 'ui:widget': 'textarea' }
  }
  return looks
}

function ready(schema: JsonSchema, depth: number): RJSFSchema {
  if (depth > DEEPEST) return schema
  const made: Record<string, unknown> = { ...withoutNull(schema) }
  // Formats that only say how wide a number is mean nothing to a form.
  if (made['type'] !== 'string') delete made['format']
  if (typeof made['properties'] === 'object' && made['properties'] !== null)
    made['properties'] = Object.fromEntries(
      Object.entries(made['properties']).map(([name, property]) => [
        name,
        { title: labelOf(name), ...ready(recordOf(property), depth + 1) },
      ]),
    )
  if (typeof made['items'] === 'object' && made['items'] !== null && !Array.isArray(made['items']))
    made['items'] = ready(recordOf(made['items']), depth + 1)
  return made
}

/** A field that is left empty is left out, so that nobody has to choose between nothing and `null`. */
function withoutNull(schema: JsonSchema): JsonSchema {
  const { anyOf, type } = schema
  if (Array.isArray(type)) {
    const types = type.filter((name) => name !== 'null')
    return types.length === 1 ? { ...schema, type: types[0] as unknown } : schema
  }
  if (!Array.isArray(anyOf)) return schema
  const options = anyOf.map(recordOf).filter((option) => option['type'] !== 'null')
  const { anyOf: _anyOf, ...rest } = schema
  return options.length === 1 ? { ...options[0], ...rest } : { ...rest, anyOf: options }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}
