import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { ToolInvocationCard } from '@/components/ToolInvocationCard'
import { approvals, approvalsStore } from '@/stores/approvals.store'
import { toolsStore } from '@/stores/tools.store'
import type { LiveCall } from '@/types/chat'
import type { Question } from '@/types/tools'

import { FakeServer, problem } from '../support/server'
import { id } from '../support/values'
import { stubLayout } from './layout'

let server: FakeServer

const call: LiveCall = { id: id(1), name: 'far__book', args: {}, status: 'running' }
const question: Question = {
  id: id(2),
  callId: id(1),
  name: 'far__book',
  server: 'far',
  message: 'How old are you?',
  schema: {
    type: 'object',
    properties: {
      age: { type: 'integer', default: 18 },
      seat: { type: 'string', oneOf: [{ const: 'aisle', title: 'Aisle' }, { const: 'window' }] },
      meals: { type: 'array', items: { enum: ['soup', 'cake'] }, default: ['soup'] },
    },
    required: ['age'],
  },
  askedAt: '2026-01-31T12:00:00.000Z',
  expiresAt: '2026-02-01T12:00:00.000Z',
}
const answers = () => server.requests('POST', '/api/questions').map(({ body }) => body)
const ask = (asked: Question = question) => {
  render(<ToolInvocationCard call={call} />)
  approvals.hear({ type: 'question_asked', question: asked })
}

beforeEach(() => {
  stubLayout()
  approvalsStore.setState({ items: [], questions: [], words: {} })
  toolsStore.setState({ load: { kind: 'ready' }, items: [] })
  server = new FakeServer()
  vi.stubGlobal('fetch', server.fetch)
})

describe('a tool that asks in the middle of a call', () => {
  it('says who asks, begins with what the server proposes, and sends what is written', async () => {
    server.instead.push(() => new Response(null, { status: 204 }))
    ask()
    expect(await screen.findByText('How old are you?')).toBeVisible()
    expect(screen.getByText('far')).toBeVisible()
    const age = screen.getByLabelText(/^Age/)
    expect(age).toHaveValue('18')
    await userEvent.clear(age)
    await userEvent.type(age, '36')
    await userEvent.selectOptions(screen.getByLabelText('Seat'), 'Aisle')
    await userEvent.click(screen.getByRole('checkbox', { name: 'cake' }))
    await userEvent.click(screen.getByRole('checkbox', { name: 'soup' }))
    await userEvent.click(screen.getByRole('button', { name: 'Send' }))
    await waitFor(() => {
      expect(answers()).toEqual([
        { action: 'accept', content: { age: 36, seat: 'aisle', meals: ['cake'] } },
      ])
    })
    await waitFor(() => {
      expect(screen.queryByText('How old are you?')).not.toBeInTheDocument()
    })
  })

  it('shows at its field what does not fit, and loses nothing', async () => {
    server.instead.push(() =>
      problem(422, 'invalid_request', {
        errors: [{ path: 'content.age', message: 'is too large' }],
      }),
    )
    ask({ ...question, id: id(3) })
    await userEvent.click(await screen.findByRole('button', { name: 'Send' }))
    expect(await screen.findByText('Age is too large')).toBeVisible()
    expect(screen.getByLabelText(/^Age/)).toHaveValue('18')
    expect(screen.getByLabelText(/^Age/)).toHaveFocus()
  })

  it('takes no for an answer', async () => {
    server.instead.push(() => new Response(null, { status: 204 }))
    ask({ ...question, id: id(4) })
    await userEvent.click(await screen.findByRole('button', { name: 'Do not answer' }))
    await waitFor(() => {
      expect(answers()).toEqual([{ action: 'decline' }])
    })
  })

  it('goes away when it was answered elsewhere', async () => {
    ask({ ...question, id: id(5) })
    expect(await screen.findByText('How old are you?')).toBeVisible()
    approvals.hear({ type: 'question_settled', id: id(5) })
    await waitFor(() => {
      expect(screen.queryByText('How old are you?')).not.toBeInTheDocument()
    })
  })
})
