import { describe, expect, it, vi } from 'vitest'

import { loadHighlight } from '@/components/code/highlighter'
import { createLineCache } from '@/components/code/line-cache'

const CODE = '/* a\n   comment */\nlet x = `one\n${two}`\n\nf(x)'

describe('createLineCache', () => {
  it('colours a growing code as it colours the whole one', async () => {
    const highlight = await loadHighlight('javascript')
    const whole = highlight(CODE, undefined).lines
    const lines = createLineCache(highlight)
    for (let end = 1; end < CODE.length; end += 1) lines(CODE.slice(0, end))
    expect(lines(CODE)).toEqual(whole)
    expect(whole.flat().some(({ color }) => color?.includes('--code-token-comment'))).toBe(true)
  })

  it('tokenises a finished line once, and keeps it as it is', async () => {
    const highlight = vi.fn(await loadHighlight('javascript'))
    const lines = createLineCache(highlight)
    const first = lines('a()\nb')[0]
    expect(lines('a()\nb()\nc')[0]).toBe(first)
    expect(highlight.mock.calls.map(([code]) => code)).toEqual(['a()', 'b', 'b()', 'c'])
  })

  it('shows a very long line plain', async () => {
    const highlight = vi.fn(await loadHighlight('javascript'))
    const long = `x = "${'a'.repeat(5000)}"`
    expect(createLineCache(highlight)(long)).toEqual([[{ content: long, color: undefined }]])
    expect(highlight).not.toHaveBeenCalled()
  })

  it('begins again with another code', async () => {
    const lines = createLineCache(await loadHighlight('javascript'))
    lines('a\nb\n')
    expect(lines('c').map((line) => line.map(({ content }) => content).join(''))).toEqual(['c'])
  })
})
