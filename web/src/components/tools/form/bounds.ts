import type { JsonSchema } from './schema'

/** How many parts a schema has at most, with its references followed, to be shown as a form. */
export const MAX_PARTS = 1_500
const MAX_DEPTH = 12
const MAX_CHOICES = 500
const MAX_DEFAULT_CHARACTERS = 20_000
/** How many empty items a form begins a list with at most. */
const MAX_ITEMS = 10

/** Keywords that only the server checks: in a browser a pattern or a comparison may take forever. */
const FOR_THE_SERVER = new Set([
  'contains',
  'dependencies',
  'dependentRequired',
  'dependentSchemas',
  'else',
  'if',
  'maxItems',
  'multipleOf',
  'not',
  'pattern',
  'patternProperties',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
  'uniqueItems',
])
/** Keywords whose value is a schema, a list of schemas, or an object of schemas by name. */
const OF_SCHEMAS = new Set([
  'additionalProperties',
  'allOf',
  'anyOf',
  'items',
  'oneOf',
  'prefixItems',
])
const OF_NAMED_SCHEMAS = new Set(['$defs', 'definitions', 'properties'])
const VARIANTS = new Set(['allOf', 'anyOf', 'oneOf'])

/** Whether a form for a schema has few enough parts. The walk ends at the first limit that it exceeds. */
export function isSmallSchema(root: JsonSchema): boolean {
  let parts = 0
  const walk = (value: unknown, depth: number, references: readonly string[]): boolean => {
    parts += 1
    if (parts > MAX_PARTS || depth > MAX_DEPTH) return false
    if (Array.isArray(value)) return value.every((item) => walk(item, depth, references))
    if (!isObject(value)) return true
    const { $ref, const: only, default: preset, enum: choices, properties } = value
    if (Array.isArray(choices) && choices.length > MAX_CHOICES) return false
    if (!isShort(preset) || !isShort(only) || !isShort(choices)) return false
    if (isObject(properties) && Object.keys(properties).length > MAX_PARTS) return false
    for (const [keyword, inner] of Object.entries(value)) {
      if (OF_SCHEMAS.has(keyword) && !walk(inner, depth + 1, references)) return false
      if (keyword === 'properties' && isObject(inner)) {
        if (!Object.values(inner).every((one) => walk(one, depth + 1, references))) return false
      }
    }
    // A schema that refers to itself ends here; how often a form repeats it is for the user to say.
    if (typeof $ref !== 'string' || references.includes($ref)) return true
    return walk(resolved(root, $ref), depth + 1, [...references, $ref])
  }
  return walk(root, 0, [])
}

/** A schema without what only the server checks, and with few items to begin with. */
export function withoutChecks(schema: JsonSchema): JsonSchema {
  return stripped(schema, 0, { inList: false, inVariant: false }) as JsonSchema
}

interface Place {
  inList: boolean
  inVariant: boolean
}

function stripped(value: unknown, depth: number, place: Place): unknown {
  // `isSmallSchema` refuses what is deeper.
  if (depth > 2 * MAX_DEPTH) return true
  if (Array.isArray(value)) return value.map((item) => stripped(item, depth + 1, place))
  if (!isObject(value)) return value
  const made: [string, unknown][] = []
  for (const [keyword, inner] of Object.entries(value)) {
    if (FOR_THE_SERVER.has(keyword)) continue
    // A variant is compared with the values; elsewhere a format only chooses a field.
    if (keyword === 'format' && place.inVariant) continue
    if (keyword === 'minItems') {
      const few = typeof inner === 'number' && inner <= MAX_ITEMS && !place.inList
      if (few) made.push([keyword, inner])
    } else if (OF_NAMED_SCHEMAS.has(keyword) && isObject(inner)) {
      const within = keyword === 'properties' ? place : { inList: true, inVariant: true }
      const named = Object.entries(inner).map(([name, one]) => [
        name,
        stripped(one, depth + 1, within),
      ])
      made.push([keyword, Object.fromEntries(named)])
    } else if (OF_SCHEMAS.has(keyword)) {
      const within = {
        inList: place.inList || keyword === 'items' || keyword === 'prefixItems',
        inVariant: place.inVariant || VARIANTS.has(keyword),
      }
      made.push([keyword, stripped(inner, depth + 1, within)])
    } else made.push([keyword, inner])
  }
  return Object.fromEntries(made)
}

/** Whether a value has few characters and members, without writing it out. */
function isShort(value: unknown): boolean {
  let left = MAX_DEFAULT_CHARACTERS
  let members = 0
  const visit = (inner: unknown, depth: number): boolean => {
    members += 1
    if (members > MAX_CHOICES || depth > MAX_DEPTH) return false
    if (typeof inner === 'string') left -= inner.length
    if (left < 0) return false
    if (Array.isArray(inner)) return inner.every((one) => visit(one, depth + 1))
    return !isObject(inner) || Object.values(inner).every((one) => visit(one, depth + 1))
  }
  return visit(value, 0)
}

function resolved(root: JsonSchema, reference: string): unknown {
  if (reference === '#') return root
  if (!reference.startsWith('#/')) return undefined
  let at: unknown = root
  for (const step of reference.slice(2).split('/').slice(0, MAX_DEPTH)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (!isObject(at) || !Object.hasOwn(at, name)) return undefined
    at = at[name]
  }
  return at
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
