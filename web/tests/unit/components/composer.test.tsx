import { fireEvent, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { ChatComposer } from '@/components/ChatComposer'
import { MAX_PROMPT_BYTES } from '@/components/chat/limits'
import { chat } from '@/stores/chat.store'
import { toolsStore } from '@/stores/tools.store'
import type { ToolInfo } from '@/types/tools'

import { stubLayout } from './layout'

const THREAD = 'composer-test'
const onSend = vi.fn<(text: string) => void>()

beforeEach(() => {
  stubLayout()
  onSend.mockReset()
  chat.setDraft(THREAD, '')
})

function field(): HTMLElement {
  return screen.getByRole('textbox', { name: 'Message' })
}

function composer(state: 'ready' | 'no-model' = 'ready') {
  render(<ChatComposer thread={THREAD} state={state} onSend={onSend} />)
}

it.each(['{Enter}', '{Control>}{Enter}{/Control}', '{Meta>}{Enter}{/Meta}'])(
  'sends on %s',
  async (keys) => {
    composer()
    await userEvent.type(field(), `Hello${keys}`)
    expect(onSend).toHaveBeenCalledExactlyOnceWith('Hello')
  },
)

it('makes a new line on Shift+Enter', async () => {
  composer()
  await userEvent.type(field(), 'one{Shift>}{Enter}{/Shift}two')
  expect(field()).toHaveValue('one\ntwo')
  expect(onSend).not.toHaveBeenCalled()
})

it('leaves Enter to an input method that composes', () => {
  composer()
  chat.setDraft(THREAD, 'にほん')
  fireEvent.keyDown(field(), { key: 'Enter', isComposing: true })
  fireEvent.keyDown(field(), { key: 'Enter', keyCode: 229 })
  expect(onSend).not.toHaveBeenCalled()
})

it('sends nothing for blanks', async () => {
  composer()
  await userEvent.type(field(), '   {Enter}')
  expect(onSend).not.toHaveBeenCalled()
  expect(screen.getByRole('button', { name: 'Send' })).toBeDisabled()
})

it('says when a message is longer than the server takes, counted in bytes', () => {
  chat.setDraft(THREAD, 'ü'.repeat(MAX_PROMPT_BYTES / 2) + 'abc')
  composer()
  expect(screen.getByRole('alert')).toHaveTextContent('3 bytes too long')
  expect(field()).toBeInvalid()
  expect(screen.getByRole('button', { name: 'Send' })).toBeDisabled()
})

it('takes nothing while no model can answer', () => {
  composer('no-model')
  expect(field()).toBeDisabled()
})

describe('the list of tools', () => {
  const tool = (name: string, permission: 'allow' | 'deny' = 'allow'): ToolInfo => ({
    name,
    title: name.charAt(0).toUpperCase() + name.slice(1),
    description: `What ${name} does.`,
    inputSchema: { type: 'object', properties: { seconds: { type: 'number' } } },
    annotations: {
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
    source: 'builtin',
    permission,
  })
  const options = () => screen.queryAllByRole('option').map((option) => option.textContent)

  beforeEach(() => {
    const items = [tool('calculate'), tool('wait'), tool('secret', 'deny')]
    toolsStore.setState({ load: { kind: 'ready' }, items })
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')))
  })

  it('opens at a slash, is narrowed by typing, and gives Enter the tool', async () => {
    composer()
    await userEvent.type(field(), '/')
    expect(await screen.findByRole('listbox', { name: 'Tools' })).toBeVisible()
    expect(options()).toHaveLength(2)
    await userEvent.type(field(), 'wa')
    expect(options()).toEqual(['Wait/waitWhat wait does.'])
    await userEvent.keyboard('{Enter}')
    expect(await screen.findByRole('form', { name: 'Wait' })).toBeVisible()
    expect(screen.getByRole('textbox', { name: 'Seconds' })).toHaveFocus()
    expect(field()).toHaveValue('')
    expect(onSend).not.toHaveBeenCalled()
  })

  it('is walked by the arrows, and says to a screen reader where', async () => {
    composer()
    await userEvent.type(field(), '/{ArrowDown}')
    const active = await screen.findByRole('option', { selected: true })
    expect(active).toHaveTextContent('Wait')
    expect(field()).toHaveAttribute('aria-activedescendant', active.id)
    await userEvent.keyboard('{ArrowDown}')
    expect(screen.getByRole('option', { selected: true })).toHaveTextContent('Calculate')
  })

  it('is put away by Escape, and then the text is a message', async () => {
    composer()
    await userEvent.type(field(), '/wait')
    await screen.findByRole('listbox')
    await userEvent.keyboard('{Escape}')
    expect(screen.queryByRole('listbox')).not.toBeInTheDocument()
    await userEvent.keyboard('{Enter}')
    expect(onSend).toHaveBeenCalledExactlyOnceWith('/wait')
  })

  it('leaves alone what only begins like it', async () => {
    composer()
    await userEvent.type(field(), '/wait for me{Enter}')
    expect(onSend).toHaveBeenCalledExactlyOnceWith('/wait for me')
  })
})
