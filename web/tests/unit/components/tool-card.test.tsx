import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { ToolInvocationCard } from '@/components/ToolInvocationCard'
import { approvalsStore } from '@/stores/approvals.store'
import { toolsStore } from '@/stores/tools.store'
import type { LiveCall } from '@/types/chat'

import { FakeServer, json, problem } from '../support/server'
import { id } from '../support/values'
import { stubLayout } from './layout'

let server: FakeServer

const call = (fields: Partial<LiveCall> = {}): LiveCall => ({
  id: id(1),
  name: 'wait_for_it',
  args: { seconds: 2 },
  status: 'queued',
  ...fields,
})
const asking = call({ approval: 'pending' })
const granted = json({
  ...asking,
  approval: 'granted',
  caller: 'model',
  createdAt: '2026-01-31T12:00:00.000Z',
  startedAt: '2026-01-31T12:00:00.000Z',
})
const words = () => server.requests('POST', '/api/tool-calls').map(({ body }) => body)
const header = () => screen.getByRole('button', { name: /^Wait for it/ })

beforeEach(() => {
  stubLayout()
  approvalsStore.setState({ items: [], questions: [], words: {} })
  toolsStore.setState({ load: { kind: 'ready' }, items: [] })
  server = new FakeServer()
  vi.stubGlobal('fetch', server.fetch)
})

describe('a call that asks', () => {
  it('shows what it wants, and runs once when it is allowed', async () => {
    server.instead.push(() => granted.clone())
    render(<ToolInvocationCard call={asking} />)
    expect(screen.getByText('Waiting for you')).toBeVisible()
    expect(screen.getByText('Seconds')).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: /^Allow once/ }))
    await waitFor(() => {
      expect(screen.getByText('Queued')).toBeVisible()
    })
    expect(words()).toEqual([{ decision: 'grant' }])
    expect(screen.queryByRole('button', { name: /^Deny/ })).not.toBeInTheDocument()
    // The button that was pressed is gone, the focus is not.
    expect(header()).toHaveFocus()
  })

  it.each([
    ['a', { decision: 'grant' }],
    ['d', { decision: 'deny' }],
  ])('takes the key %s while it has the focus, and only then', async (key, decision) => {
    render(<ToolInvocationCard call={asking} />)
    await userEvent.keyboard(key)
    expect(words()).toEqual([])
    header().focus()
    await userEvent.keyboard(key)
    await waitFor(() => {
      expect(words()).toEqual([decision])
    })
  })

  it('remembers, and carries a word to the model', async () => {
    const { unmount } = render(<ToolInvocationCard call={asking} />)
    await userEvent.click(screen.getByRole('button', { name: 'Always allow' }))
    unmount()
    render(<ToolInvocationCard call={{ ...asking, id: id(2) }} />)
    await userEvent.click(screen.getByRole('button', { name: 'Deny and say why' }))
    // Letters are letters here.
    await userEvent.keyboard('add it up yourself{Enter}')
    await waitFor(() => {
      expect(words()).toEqual([
        { decision: 'grant', remember: true },
        { decision: 'deny', message: 'add it up yourself' },
      ])
    })
  })

  it('says that a word could not be given, and asks again', async () => {
    server.instead.push(() => problem(503, 'draining'))
    render(<ToolInvocationCard call={asking} />)
    await userEvent.click(screen.getByRole('button', { name: /^Deny D/ }))
    expect(await screen.findByRole('alert')).toHaveTextContent('It was draining.')
    expect(screen.getByRole('button', { name: /^Allow once/ })).toBeEnabled()
  })

  it('asks no more in an answer that has ended', () => {
    render(<ToolInvocationCard call={asking} live={false} />)
    expect(screen.queryByRole('button', { name: /^Allow once/ })).not.toBeInTheDocument()
    expect(screen.getByText('Cancelled')).toBeVisible()
  })
})

it('tells its progress while it runs, and each state once to a screen reader', () => {
  const { rerender } = render(
    <ToolInvocationCard call={call({ status: 'running', progress: 0.25, note: 'A quarter' })} />,
  )
  expect(screen.getByRole('progressbar')).toHaveAttribute('aria-valuenow', '25')
  expect(screen.getByText('A quarter')).toBeVisible()
  expect(screen.getByRole('status')).toHaveTextContent('Wait for it: Running')
  rerender(<ToolInvocationCard call={call({ status: 'done', output: { waited: 2 } })} />)
  expect(screen.getByRole('status')).toHaveTextContent('Wait for it: Done')
  expect(screen.queryByRole('progressbar')).not.toBeInTheDocument()
})

it('shows what it gave when it is opened, by the keyboard too', async () => {
  render(<ToolInvocationCard call={call({ status: 'done', output: { waited: 2.5 } })} />)
  expect(screen.queryByText('2.5')).not.toBeInTheDocument()
  await userEvent.tab()
  await userEvent.keyboard('{Enter}')
  expect(screen.getByText('2.5')).toBeVisible()
  expect(header()).toHaveAttribute('aria-expanded', 'true')
})

it('says why it failed', () => {
  const error = { code: 'timeout', message: 'It took too long.' }
  render(<ToolInvocationCard call={call({ status: 'error', error })} />)
  expect(screen.getByText('Failed')).toBeVisible()
  expect(screen.getByText('It took too long.')).toBeVisible()
  expect(screen.getByText('timeout')).toBeVisible()
})

it('keeps what a tool says text: no HTML, no picture that is fetched', async () => {
  const output = '<img src=x onerror=alert(1)> ![spy](https://example.org/a.png)\n\n**bold**'
  const { container } = render(<ToolInvocationCard call={call({ status: 'done', output })} />)
  await userEvent.click(header())
  expect(await screen.findByText('bold')).toBeVisible()
  expect(container.querySelector('img')).toBeNull()
  expect(screen.getByText(/<img src=x/)).toBeVisible()
})

it('shows the beginning of a long text, and loads what the answer left out', async () => {
  const long = `first ${'word '.repeat(400)}last`
  const note = `[Shortened: these are the first ${long.length} of 99999 characters. The whole output is kept with the job.]`
  server.instead.push(() =>
    json({
      ...call({ status: 'done', output: 'The whole of it' }),
      caller: 'model',
      createdAt: '2026-01-31T12:00:00.000Z',
      startedAt: '2026-01-31T12:00:00.000Z',
    }),
  )
  render(<ToolInvocationCard call={call({ status: 'done', output: `${long}\n\n${note}` })} />)
  await userEvent.click(header())
  expect(screen.queryByText(/last$/)).not.toBeInTheDocument()
  await userEvent.click(screen.getByRole('button', { name: /^Show all/ }))
  expect(screen.getByText(/last$/)).toBeVisible()
  await userEvent.click(screen.getByRole('button', { name: 'Load the whole output' }))
  expect(await screen.findByText('The whole of it')).toBeVisible()
})
