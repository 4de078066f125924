import { describe, expect, it } from 'vitest'

import { argumentsFrom, defaultsOf, faultsFrom, fieldsFor } from '@/lib/tool-form'

const SCHEMA = {
  type: 'object',
  properties: {
    digits: { type: ['integer', 'null'], description: 'How many.' },
    mode: { type: 'string', enum: ['fast', 'exact'] },
    expression: { type: 'string' },
    loud: { type: 'boolean' },
    table: { type: 'array', items: {} },
  },
  required: ['expression'],
}
const fields = fieldsFor(SCHEMA)

it('has a field for each argument, those that are required first', () => {
  expect(fields).toEqual([
    { name: 'expression', kind: 'text', required: true },
    { name: 'digits', kind: 'integer', required: false, description: 'How many.' },
    {
      name: 'mode',
      kind: 'choice',
      options: [
        { value: 'fast', label: 'fast' },
        { value: 'exact', label: 'exact' },
      ],
      required: false,
    },
    { name: 'loud', kind: 'boolean', required: false },
    { name: 'table', kind: 'json', required: false },
  ])
  expect(fieldsFor({ type: 'object' })).toEqual([])
})

it('calls things what the schema calls them: fields, one value of several, and several', () => {
  const pets = [
    { value: 'a', label: 'Cat' },
    { value: 'b', label: 'b' },
  ]
  const variants = [{ const: 'a', title: 'Cat' }, { const: 'b' }]
  const properties = {
    one: { title: 'Your pet', oneOf: variants },
    old: { enum: ['a', 'b'], enumNames: ['Cat'] },
    many: { type: 'array', items: { anyOf: variants }, default: ['b'] },
  }
  const pet = fieldsFor({ properties })
  expect(pet).toEqual([
    { name: 'one', title: 'Your pet', kind: 'choice', options: pets, required: false },
    { name: 'old', kind: 'choice', options: pets, required: false },
    { name: 'many', kind: 'choices', options: pets, required: false },
  ])
  expect(argumentsFrom(pet, defaultsOf({ properties }))).toEqual({ args: { many: ['b'] } })
})

describe('argumentsFrom', () => {
  it('gives what was written its type, and leaves out what was left alone', () => {
    const written = { expression: '6*7', digits: '12', loud: true, table: '[[1]]', mode: '' }
    expect(argumentsFrom(fields, written)).toEqual({
      args: { expression: '6*7', digits: 12, loud: true, table: [[1]] },
    })
  })

  it('names what is missing or cannot be read', () => {
    expect(argumentsFrom(fields, { digits: 'many', table: '[' })).toEqual({
      faults: {
        expression: 'is required',
        digits: 'must be a number',
        table: 'must be JSON',
      },
    })
  })

  it('leaves it to the server whether a number fits', () => {
    expect(argumentsFrom(fields, { expression: '1', digits: '1.5' })).toEqual({
      args: { expression: '1', digits: 1.5 },
    })
  })
})

it('puts what the server finds wrong to its field, and the rest beside them', () => {
  expect(
    faultsFrom(fields, [
      { path: 'args.expression', message: 'is empty' },
      { path: 'args.table[0].x', message: 'must be a number' },
      { path: 'args', message: 'is no object' },
    ]),
  ).toEqual({
    expression: 'is empty',
    table: 'args.table[0].x must be a number',
    '': 'args is no object',
  })
})
