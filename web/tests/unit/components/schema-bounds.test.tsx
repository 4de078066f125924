import { render, screen } from '@testing-library/react'
import { expect, it } from 'vitest'

import ArgumentsForm from '@/components/tools/form/ArgumentsForm'
import { isSmallSchema, withoutChecks } from '@/components/tools/form/bounds'
import { fitsForm, forForm, type JsonSchema } from '@/components/tools/form/schema'

const TEXT = { type: 'string' }

function argument(schema: unknown, more: JsonSchema = {}): JsonSchema {
  return { type: 'object', properties: { a: schema }, required: ['a'], ...more }
}

function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  return depth === 0 ? TEXT : wrap(nested(depth - 1, wrap))
}

/** Definitions of which each refers to the next one `fan` times. */
function doubling(length: number, fan: number): JsonSchema {
  const next = (index: number) => (index === length ? TEXT : { $ref: `#/$defs/d${index}` })
  const level = (index: number) => ({
    type: 'object',
    properties: Object.fromEntries(
      Array.from({ length: fan }, (_, name) => [`p${name}`, next(index + 1)]),
    ),
  })
  const $defs = Object.fromEntries(
    Array.from({ length }, (_, index) => [`d${index}`, level(index)]),
  )
  return argument({ $ref: '#/$defs/d0' }, { $defs })
}

function drawn(schema: JsonSchema, args: Record<string, unknown> = {}) {
  return render(
    <ArgumentsForm
      schema={schema}
      args={args}
      faults={{}}
      onChange={() => undefined}
      onSubmit={() => undefined}
    >
      <button type="submit">Run</button>
    </ArgumentsForm>,
  )
}

it.each([
  ['a long choice', argument({ enum: Array.from({ length: 100_000 }, String) })],
  ['a large default', argument({ ...TEXT, default: 'x'.repeat(1_000_000) })],
  ['a long default', argument({ type: 'array', items: TEXT, default: Array(100_000).fill('') })],
  [
    'many arguments',
    {
      type: 'object',
      properties: Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`p${i}`, TEXT])),
    },
  ],
  ['many variants', argument({ anyOf: Array.from({ length: 50_000 }, () => TEXT) })],
  [
    'deep objects',
    argument(nested(3_000, (inner) => ({ type: 'object', properties: { a: inner } }))),
  ],
  ['deep lists', argument(nested(3_000, (items) => ({ type: 'array', items })))],
  ['references that double', doubling(40, 2)],
  ['references that fan out', doubling(6, 10)],
])('web_2_a schema that is too large is asked for as JSON: %s', (_, schema) => {
  expect(isSmallSchema(schema)).toBe(false)
  expect(fitsForm(schema)).toBe(false)
})

it('web_2_a pattern of a foreign schema never runs in the browser', () => {
  const pattern = '^(a+)+$'
  const schema = argument({
    anyOf: [
      { ...TEXT, pattern, format: 'regex' },
      { type: 'object', patternProperties: { [pattern]: TEXT }, propertyNames: { pattern } },
      { type: 'number', multipleOf: 1e-300 },
      { type: 'array', uniqueItems: true, items: { ...TEXT, pattern } },
    ],
    default: `${'a'.repeat(60)}!`,
  })
  const made = JSON.stringify(forForm(schema))
  for (const word of [
    '"pattern"',
    'patternProperties',
    'propertyNames',
    'multipleOf',
    'uniqueItems',
    '"format"',
  ])
    expect(made).not.toContain(word)
  drawn(schema, { a: `${'a'.repeat(60)}!` })
  expect(screen.getByRole('button', { name: 'Run' })).toBeVisible()
})

it('web_2_an argument may be called as a keyword is', () => {
  const schema = {
    type: 'object',
    properties: { pattern: TEXT, not: TEXT, minItems: { type: 'integer' } },
  }
  expect(Object.keys(withoutChecks(schema)['properties'] as object)).toEqual([
    'pattern',
    'not',
    'minItems',
  ])
})

it.each([
  ['huge', { type: 'array', minItems: 1e9, items: TEXT }],
  ['nested', nested(8, (items) => ({ type: 'array', minItems: 10, items }))],
])('web_2_a list begins with few items: %s', (_, list) => {
  const { container } = drawn(argument(list))
  expect(container.querySelectorAll('input, textarea').length).toBeLessThanOrEqual(20)
  expect(screen.getByRole('button', { name: 'Run' })).toBeVisible()
})

it('web_2_a schema that refers to itself is drawn', () => {
  const node = {
    type: 'object',
    properties: { c: { type: 'array', minItems: 3, items: { $ref: '#/$defs/n' } } },
    required: ['c'],
  }
  const schema = argument({ $ref: '#/$defs/n' }, { $defs: { n: node } })
  expect(isSmallSchema(schema)).toBe(true)
  drawn(schema)
  expect(screen.getByRole('button', { name: 'Run' })).toBeVisible()
})

it('web_2_a usual schema keeps its form', () => {
  const schema = argument({
    type: 'array',
    minItems: 2,
    maxItems: 5,
    items: { ...TEXT, format: 'date' },
  })
  expect(fitsForm(schema)).toBe(true)
  const { container } = drawn(schema)
  expect(container.querySelectorAll('input')).toHaveLength(2)
})
