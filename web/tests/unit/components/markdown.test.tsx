import { render, screen } from '@testing-library/react'
import { expect, it } from 'vitest'

import Markdown from '@/components/Markdown'

it('opens links in a new tab, without a way back', () => {
  render(<Markdown text="[a link](https://example.org)" extent="whole" />)
  const link = screen.getByRole('link', { name: 'a link' })
  expect(link).toHaveAttribute('target', '_blank')
  expect(link).toHaveAttribute('rel', 'noopener noreferrer')
})

it.each([
  ['<script>alert(1)</script>', 'script'],
  ['<img src=x onerror=alert(1)>', 'img'],
  ['<iframe src="https://example.org"></iframe>', 'iframe'],
])('shows raw HTML as text: %s', (html, element) => {
  const { container } = render(<Markdown text={`Look: ${html}`} extent="whole" />)
  expect(container.querySelector(element)).toBeNull()
  expect(container).toHaveTextContent('Look:')
})

it('never makes a link that runs a script', () => {
  const { container } = render(<Markdown text="[x](javascript:alert(1))" extent="whole" />)
  expect(container.querySelector('a')?.getAttribute('href') ?? '').not.toContain('javascript')
})

it('fetches no image: it offers a link to it', () => {
  const { container } = render(
    <Markdown text="![a map](https://example.org/m.png?q=secret)" extent="whole" />,
  )
  expect(container.querySelector('img')).toBeNull()
  expect(screen.getByRole('link', { name: 'a map' })).toHaveAttribute('target', '_blank')
})

it('closes the marks that a growing or cut text has left open', () => {
  const { rerender, container } = render(<Markdown text="It is **very" extent="growing" />)
  expect(container.querySelector('strong')).toHaveTextContent('very')
  rerender(<Markdown text="It is **very" extent="cut" />)
  expect(container.querySelector('strong')).toHaveTextContent('very')
  rerender(<Markdown text="It is **very" extent="whole" />)
  expect(container.querySelector('strong')).toBeNull()
})

it('keeps the elements of finished blocks while the text grows', () => {
  const { rerender, container } = render(<Markdown text={'One.\n\nTwo'} extent="growing" />)
  const first = container.querySelector('p')
  rerender(<Markdown text={'One.\n\nTwo.\n\n```js\nthree()'} extent="growing" />)
  expect(container.querySelector('p')).toBe(first)
  expect(screen.getByRole('group', { name: 'JavaScript code' })).toHaveTextContent('three()')
})

it('resolves link definitions across blocks once the text is whole', () => {
  render(<Markdown text={'See [it].\n\n[it]: https://example.org'} extent="whole" />)
  expect(screen.getByRole('link', { name: 'it' })).toHaveAttribute('href', 'https://example.org')
})
