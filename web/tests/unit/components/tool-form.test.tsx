import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { describe, expect, it } from 'vitest'

import ArgumentsForm from '@/components/tools/form/ArgumentsForm'
import { NO_FAULTS, faultsAt, stepsOf, withoutChanged } from '@/components/tools/form/faults'
import { argumentsIn, fitsForm, forForm } from '@/components/tools/form/schema'

const SCHEMA = {
  type: 'object',
  required: ['query'],
  properties: {
    query: { type: 'string', description: 'What to look for.' },
    mostResults: { type: ['integer', 'null'], format: 'uint32' },
    order: { enum: ['newest', 'oldest'] },
    exact: { type: 'boolean' },
    words: { type: 'array', items: { type: 'string' } },
    code: { anyOf: [{ type: 'string' }, { type: 'null' }] },
  },
}

describe('a schema', () => {
  it('becomes fields with labels, and what may be null may be left empty', () => {
    expect(argumentsIn(SCHEMA)).toEqual(Object.keys(SCHEMA.properties))
    expect(forForm(SCHEMA).properties).toMatchObject({
      mostResults: { type: 'integer', title: 'Most results' },
      code: { type: 'string', title: 'Code' },
    })
    expect(JSON.stringify(forForm(SCHEMA))).not.toContain('null')
    expect(JSON.stringify(forForm(SCHEMA))).not.toContain('uint32')
  })

  it('whose argument may be anything is not for a form', () => {
    expect(fitsForm(SCHEMA)).toBe(true)
    expect(fitsForm({ type: 'object', properties: { table: true } })).toBe(false)
    expect(fitsForm({ type: 'object' })).toBe(true)
  })
})

describe('what the server finds wrong', () => {
  it('is placed at its field, however deep', () => {
    expect(stepsOf('args.points[2].x')).toEqual(['points', '2', 'x'])
    expect(stepsOf('args')).toBeUndefined()
    const errors = [
      { path: 'args.query', message: 'is required' },
      { path: 'args.words[1]', message: '3 is not of type "string"' },
      { path: 'args.other', message: 'is not an argument' },
      { path: 'args', message: 'must be a JSON object' },
    ]
    expect(faultsAt(errors, argumentsIn(SCHEMA))).toEqual({
      atFields: {
        query: { __errors: ['Is required.'] },
        words: { 1: { __errors: ['3 is not of type "string".'] } },
      },
      others: ['other is not an argument.', 'Must be a JSON object.'],
    })
  })

  it('goes from a field once that is changed', () => {
    const faults = faultsAt(
      [
        { path: 'args.query', message: 'is required' },
        { path: 'args.order', message: 'is wrong' },
      ],
      argumentsIn(SCHEMA),
    )
    const left = withoutChanged(faults, { query: '', order: 'x' }, { query: 'a', order: 'x' })
    expect(Object.keys(left.atFields)).toEqual(['order'])
  })
})

describe('the form', () => {
  function Harness({ seen }: { seen: Record<string, unknown>[] }) {
    const [args, setArgs] = useState<Record<string, unknown>>({})
    const [faults, setFaults] = useState(NO_FAULTS)
    return (
      <ArgumentsForm
        schema={SCHEMA}
        args={args}
        faults={faults.atFields}
        onChange={setArgs}
        onSubmit={() => {
          seen.push(args)
          setFaults(faultsAt([{ path: 'args.query', message: 'is too long' }], argumentsIn(SCHEMA)))
        }}
      >
        <button type="submit">Run</button>
      </ArgumentsForm>
    )
  }

  it('gives each argument its field, sends what was filled in, and shows the faults where they belong', async () => {
    const person = userEvent.setup()
    const seen: Record<string, unknown>[] = []
    render(<Harness seen={seen} />)
    const query = screen.getByLabelText('Query')
    expect(query).toHaveAccessibleDescription('What to look for.')
    await person.type(query, 'weirs')
    await person.type(screen.getByLabelText(/^Most results/), '12')
    await person.selectOptions(screen.getByLabelText(/^Order/), 'oldest')
    await person.click(screen.getByLabelText('Exact'))
    await person.click(screen.getByRole('button', { name: 'Add an item' }))
    await person.click(screen.getByRole('button', { name: 'Run' }))
    expect(seen).toMatchObject([{ query: 'weirs', mostResults: 12, order: 'oldest', exact: true }])
    expect(query).toHaveAttribute('aria-invalid', 'true')
    expect(query).toHaveAccessibleDescription('Is too long. What to look for.')
    expect(screen.getByLabelText(/^Code/).tagName).toBe('TEXTAREA')
  })

  it('leaves out what was emptied', async () => {
    const person = userEvent.setup()
    const seen: Record<string, unknown>[] = []
    render(<Harness seen={seen} />)
    await person.type(screen.getByLabelText('Query'), 'a')
    await person.clear(screen.getByLabelText('Query'))
    await person.click(screen.getByRole('button', { name: 'Run' }))
    expect(JSON.parse(JSON.stringify(seen[0]))).toEqual({})
  })
})
