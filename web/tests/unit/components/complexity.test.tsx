import { render, screen } from '@testing-library/react'
import { expect, it } from 'vitest'

import Markdown from '@/components/Markdown'
import { splitBlocks } from '@/components/markdown/blocks'
import { MAX_BLOCK_WEIGHT, MAX_TEXT_WEIGHT, weightOf } from '@/components/markdown/complexity'
import { createPlanner, nextShown } from '@/components/markdown/plan'

/** Text that nests or repeats as often as it is asked to. */
const HOSTILE: Record<string, (times: number) => string> = {
  quotes: (times) => `${'> '.repeat(times)}x`,
  'quotes without spaces': (times) => `${'>'.repeat(times)}x`,
  lists: (times) => `${'- '.repeat(times)}x`,
  'numbered lists': (times) => '1. '.repeat(times),
  'lists in quotes': (times) => `${'> - '.repeat(times)}x`,
  'indented lists': (times) =>
    Array.from({ length: times }, (_, depth) => `${'  '.repeat(depth)}- x`).join('\n'),
  'quotes behind a carriage return': (times) => `a\r${'> '.repeat(times)}x`,
  'begun links': (times) => '[a]('.repeat(times),
  'begun titles': (times) => '[a](b "'.repeat(times),
  'nested links': (times) => `${'['.repeat(times)}a${'](b)'.repeat(times)}`,
  footnotes: (times) => `${'[^1]'.repeat(times)}\n\n[^1]: x`,
  definitions: (times) =>
    Array.from({ length: times }, (_, index) => `[a${index}]: /x`).join('\n') +
    `\n\n${'[a1]'.repeat(times)}`,
  emphasis: (times) => `${'*_'.repeat(times)}x${'_*'.repeat(times)}`,
  stars: (times) => `${'*'.repeat(times)}a${'*'.repeat(times)}`,
  ticks: (times) => Array.from({ length: times }, (_, index) => '`'.repeat(index + 1)).join(' '),
  columns: (times) => `|${'a|'.repeat(times)}\n|${'-|'.repeat(times)}\n|${'b|'.repeat(times)}`,
  rows: (times) => `|a|\n|-|\n${'|b|\n'.repeat(times)}`,
  headings: (times) => 'a\n=\n'.repeat(times),
  items: (times) => '- a\n'.repeat(times),
  paragraphs: (times) => 'a\n\n'.repeat(times),
  fences: (times) => '```js\na\n```\n'.repeat(times),
  words: (times) => 'lorem ipsum '.repeat(times),
}

function planOf(text: string) {
  return createPlanner()(splitBlocks(text))
}

function depthOf(element: Element): number {
  return 1 + Math.max(0, ...Array.from(element.children, depthOf))
}

it.each(Object.entries(HOSTILE))('web_1_bounds nested and repeated text: %s', (_, hostile) => {
  for (const times of [1, 30, 300, 3_000, 20_000]) {
    // A text of indented lists grows with the square of its depth.
    const text = hostile(times > 3_000 && hostile(3).length > 20 ? 3_000 : times).slice(
      0,
      2_000_000,
    )
    const pieces = planOf(text)
    expect(pieces.map(({ source }) => source).join('')).toBe(text)
    const formatted = pieces.filter(({ isPlain }) => !isPlain)
    const weights = formatted.map(({ source }) => weightOf(source))
    expect(Math.max(0, ...weights)).toBeLessThanOrEqual(MAX_BLOCK_WEIGHT)
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeLessThanOrEqual(MAX_TEXT_WEIGHT)
    expect(pieces.length).toBeLessThanOrEqual(MAX_TEXT_WEIGHT / 3 + 1)
    for (let shown = 0; shown < pieces.length; shown = nextShown(pieces, shown)) {
      expect(nextShown(pieces, shown)).toBeGreaterThan(shown)
    }
  }
  expect(planOf(hostile(3)).every(({ isPlain }) => !isPlain)).toBe(true)
  expect(planOf(hostile(10_000).slice(0, 2_000_000)).some(({ isPlain }) => isPlain)).toBe(true)
})

it.each(Object.entries(HOSTILE))('web_1_draws few elements at once: %s', (_, hostile) => {
  const { container } = render(<Markdown text={hostile(250)} extent="whole" />)
  expect(container.querySelectorAll('*').length).toBeLessThan(4_000)
  expect(depthOf(container)).toBeLessThan(600)
})

it('web_1_shows what is too complex as it was written, between what is not', () => {
  const hostile = '> '.repeat(3_000)
  render(<Markdown text={`# Before\n\n${hostile}x\n\n# After`} extent="whole" />)
  expect(screen.getByRole('heading', { name: 'Before' })).toBeVisible()
  expect(screen.getByRole('note')).toHaveTextContent('This message is too complex to format.')
  expect(screen.getByRole('group', { name: 'Unformatted text' }).textContent).toContain(hostile)
  expect(screen.getByRole('heading', { name: 'After' })).toBeVisible()
})

it('web_1_formats long texts of people and models', () => {
  const rows = Array.from({ length: 200 }, (_, row) => `| ${row} | **name ${row}** | \`x\` |`)
  const items = Array.from(
    { length: 200 },
    (_, item) => `- **Item ${item}**: [a link](https://a.b/)`,
  )
  const code = Array.from(
    { length: 2_000 },
    (_, line) => `const a${line} = b[${line}] * c // **x**`,
  )
  for (const text of [
    `| a | b | c |\n|---|---|---|\n${rows.join('\n')}`,
    items.join('\n'),
    `\`\`\`js\n${code.join('\n')}\n\`\`\``,
    Array.from(
      { length: 300 },
      (_, index) => `## Part ${index}\n\n${'Some *words* of a longer text, '.repeat(10)}`,
    ).join('\n\n'),
    '1. a\n   - b\n     - c\n       > d\n',
  ]) {
    expect(planOf(text).filter(({ isPlain }) => isPlain)).toEqual([])
  }
})

it('web_1_shows the rest of a long text step by step', async () => {
  const text = Array.from({ length: 400 }, (_, index) => `Paragraph ${index}`).join('\n\n')
  render(<Markdown text={text} extent="whole" />)
  expect(screen.getByText('Paragraph 0')).toBeVisible()
  expect(screen.queryByText('Paragraph 399')).toBeNull()
  expect(await screen.findByText('Paragraph 399', undefined, { timeout: 20_000 })).toBeVisible()
}, 30_000)
