import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { createBlockSplitter, hasDefinitions, splitBlocks } from '@/components/markdown/blocks'

const ANSWER = [
  '# Title',
  '',
  'A paragraph',
  'over two lines.',
  '',
  '1. one',
  '',
  '2. two',
  '   with more',
  '',
  '   ```js',
  '   a()',
  '',
  '   b()',
  '   ```',
  '',
  '10. ten',
  '',
  'Code:',
  '```rust',
  'fn main() {',
  '',
  '}',
  '```',
  'After it.',
  '',
  '~~~',
  '```',
  '~~~',
  '',
  '> quoted',
  '',
  '| a | b |',
  '| - | - |',
  '| 1 | 2 |',
  '',
  '- x',
  '',
  '    indented under x',
  '',
  'The end.',
].join('\n')

describe('splitBlocks', () => {
  it('keeps a paragraph, a loose list, a fence and a table each in one piece', () => {
    expect(splitBlocks(ANSWER).map((block) => block.trim().split('\n')[0])).toEqual([
      '# Title',
      'A paragraph',
      '1. one',
      'Code:',
      '```rust',
      'After it.',
      '~~~',
      '> quoted',
      '| a | b |',
      '- x',
      'The end.',
    ])
  })

  it('does not end a fence at a blank line, nor at a shorter or another mark', () => {
    const text = '````md\n```\n\n~~~\n\n````\nafter'
    expect(splitBlocks(text)).toEqual(['````md\n```\n\n~~~\n\n````\n', 'after'])
  })

  it('loses nothing, whatever the text', () => {
    const line = fc.constantFrom(
      '',
      ' ',
      '- a',
      '1. b',
      '10',
      '```',
      '```js',
      '~~~',
      '    x',
      '# h',
      'word',
      '> q',
    )
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const text = lines.join('\n')
        expect(splitBlocks(text).join('')).toBe(text)
      }),
    )
  })
})

describe('createBlockSplitter', () => {
  it('gives the same blocks however the text was cut into tokens', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }), (sizes) => {
        const split = createBlockSplitter()
        let end = 0
        for (let turn = 0; end < ANSWER.length; turn += 1) {
          end += sizes[turn % sizes.length] ?? 1
          split(ANSWER.slice(0, end))
        }
        expect(split(ANSWER)).toEqual(splitBlocks(ANSWER))
      }),
    )
  })

  it('never changes a finished block while the text grows', () => {
    const split = createBlockSplitter()
    let finished: string[] = []
    for (let end = 1; end <= ANSWER.length; end += 1) {
      const blocks = split(ANSWER.slice(0, end))
      // What is right before the last block may still lose its end to it: "```" begins as text.
      const kept = finished.slice(0, -1)
      expect(blocks.slice(0, kept.length)).toEqual(kept)
      finished = blocks.slice(0, -1)
    }
  })

  it('reads a text that is no continuation anew', () => {
    const split = createBlockSplitter()
    split('one\n\ntwo')
    expect(split('three')).toEqual(['three'])
  })
})

it('tells texts whose blocks refer to each other', () => {
  expect(hasDefinitions('See [it].\n\n[it]: https://example.org')).toBe(true)
  expect(hasDefinitions('Note.[^1]\n\n[^1]: here')).toBe(true)
  expect(hasDefinitions('An array `[a]: b` and [a link](https://example.org)')).toBe(false)
})
