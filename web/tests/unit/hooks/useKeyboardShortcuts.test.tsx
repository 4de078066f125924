import { fireEvent, render, screen } from '@testing-library/react'
import { expect, it, vi } from 'vitest'

import { type Shortcuts, useKeyboardShortcuts } from '@/hooks/useKeyboardShortcuts'

function Page({ shortcuts }: { shortcuts: Shortcuts }) {
  useKeyboardShortcuts(shortcuts)
  return <input aria-label="Message" />
}

it.each([
  ['mod+k', { key: 'k', ctrlKey: true }],
  ['mod+k', { key: 'k', metaKey: true }],
  ['mod+shift+o', { key: 'O', ctrlKey: true, shiftKey: true }],
  ['?', { key: '?', shiftKey: true }],
  ['escape', { key: 'Escape' }],
])('%s', (name, press) => {
  const action = vi.fn()
  render(<Page shortcuts={{ [name]: action }} />)
  const unhandled = fireEvent.keyDown(document.body, press)
  expect(action).toHaveBeenCalledOnce()
  expect(unhandled).toBe(false)
})

it('leaves plain keys to whoever types, and keys in the middle of a composition to the input method', () => {
  const plain = vi.fn()
  const escape = vi.fn()
  const palette = vi.fn()
  render(<Page shortcuts={{ '/': plain, escape, 'mod+k': palette }} />)
  const input = screen.getByLabelText('Message')
  fireEvent.keyDown(input, { key: '/' })
  fireEvent.keyDown(input, { key: 'k', ctrlKey: true, isComposing: true })
  expect(plain).not.toHaveBeenCalled()
  expect(palette).not.toHaveBeenCalled()
  fireEvent.keyDown(input, { key: 'Escape' })
  fireEvent.keyDown(input, { key: 'k', ctrlKey: true })
  expect(escape).toHaveBeenCalledOnce()
  expect(palette).toHaveBeenCalledOnce()
})

it('stops listening when its component goes', () => {
  const action = vi.fn()
  render(<Page shortcuts={{ '/': action }} />).unmount()
  fireEvent.keyDown(document.body, { key: '/' })
  expect(action).not.toHaveBeenCalled()
})
