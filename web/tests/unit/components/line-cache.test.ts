import { describe, expect, it, vi } from 'vitest'

import { loadHighlight } from '@/components/code/highlighter'
import { createLineCache } from '@/components/code/line-cache'

const CODE = '/* a\n   comment */\nlet x = `one\n${two}`\n\nf(x)'

describe('createLineCache', () => {
  it('colours a growing code as it colours the whole one', async () => {
    const highlight = await loadHighlight('javascript')
    const whole = highlight(CODE, undefined).lines
    const lines = createLineCache(highlight, () => 0)
    for (let end = 1; end < CODE.length; end += 1) lines(CODE.slice(0, end))
    expect(lines(CODE).lines).toEqual(whole)
    expect(whole.flat().some(({ color }) => color?.includes('--code-token-comment'))).toBe(true)
  })

  it('tokenises a finished line once, and keeps it as it is', async () => {
    const highlight = vi.fn(await loadHighlight('javascript'))
    const lines = createLineCache(highlight, () => 0)
    const first = lines('a()\nb').lines[0]
    expect(lines('a()\nb()\nc').lines[0]).toBe(first)
    expect(highlight.mock.calls.map(([code]) => code)).toEqual(['a()', 'b', 'b()', 'c'])
  })

  it('shows a very long line plain', async () => {
    const highlight = vi.fn(await loadHighlight('javascript'))
    const long = `x = "${'a'.repeat(5000)}"`
    expect(createLineCache(highlight)(long).lines).toEqual([[{ content: long, color: undefined }]])
    expect(highlight).not.toHaveBeenCalled()
  })

  it('begins again with another code', async () => {
    const lines = createLineCache(await loadHighlight('javascript'), () => 0)
    lines('a\nb\n')
    expect(lines('c').lines.map((line) => line.map(({ content }) => content).join(''))).toEqual([
      'c',
    ])
  })

  it('web_3_highlights for a slice of time, and gives up on a slow grammar', () => {
    let clock = 0
    const highlight = (code: string) => {
      clock += 30
      return {
        lines: code.split('\n').map((content) => [{ content, color: 'red' }]),
        state: undefined,
      }
    }
    const code = 'x\n'.repeat(2_000)
    const lines = createLineCache(highlight, () => clock, { start: 0, spent: 0 })
    const coloured: number[] = []
    for (;;) {
      const before = clock
      const cached = lines(code)
      expect(clock - before).toBeLessThanOrEqual(100)
      expect(cached.lines).toHaveLength(2_000)
      coloured.push(cached.lines.filter(([token]) => token?.color === 'red').length)
      if (!cached.isUnfinished) break
      clock += 100
    }
    expect(coloured[0]).toBe(40)
    expect(coloured.at(-1)).toBeLessThan(800)
    expect(lines(code).isUnfinished).toBe(false)
  })
})
