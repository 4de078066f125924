import { fireEvent, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, expect, it, vi } from 'vitest'

import { ChatComposer } from '@/components/ChatComposer'
import { MAX_PROMPT_BYTES } from '@/components/chat/limits'
import { chat } from '@/stores/chat.store'

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
