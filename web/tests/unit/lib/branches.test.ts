import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { ROOT, type TreeNode, selectionTo, shownPath, siblingsOf } from '@/lib/branches'

const node = (name: string, parentId?: string): TreeNode => ({
  id: name,
  createdAt: '2026-01-31T12:00:00.000Z',
  ...(parentId !== undefined && { parentId }),
})

/** a -> (b1, b2); b1 -> c1; b2 -> c2 -> (d1, d2). */
const TREE = [
  node('a'),
  node('b1', 'a'),
  node('b2', 'a'),
  node('c1', 'b1'),
  node('c2', 'b2'),
  node('d1', 'c2'),
  node('d2', 'c2'),
]

describe('shownPath', () => {
  it('shows the newest child under every message', () => {
    expect(shownPath(TREE, {})).toEqual(['a', 'b2', 'c2', 'd2'])
  })

  it('shows what the person chose, and the newest below it', () => {
    expect(shownPath(TREE, { a: 'b1' })).toEqual(['a', 'b1', 'c1'])
    expect(shownPath(TREE, { c2: 'd1' })).toEqual(['a', 'b2', 'c2', 'd1'])
  })

  it('ignores a choice that does not exist', () => {
    expect(shownPath(TREE, { a: 'gone' })).toEqual(['a', 'b2', 'c2', 'd2'])
  })

  it('ends where it is told to', () => {
    expect(shownPath(TREE, {}, 'c2')).toEqual(['a', 'b2', 'c2'])
  })

  it('begins where loading stopped, in the branch of the newest message', () => {
    const loaded = [node('c1', 'b1'), node('d1', 'c2'), node('d2', 'c2')]
    expect(shownPath(loaded, {})).toEqual(['d2'])
    expect(siblingsOf(loaded, 'd2')).toEqual({ ids: ['d1', 'd2'], index: 1 })
  })

  it('is empty for no messages', () => {
    expect(shownPath([], {})).toEqual([])
  })

  it('of any tree is a chain from a root to a leaf, whatever the order of the messages', () => {
    const name = (index: number) => `n${String(index).padStart(2, '0')}`
    const trees = fc
      .array(fc.nat(), { minLength: 1, maxLength: 40 })
      .map((parents) =>
        parents.map((parent, index) =>
          node(name(index), index === 0 ? undefined : name(parent % index)),
        ),
      )
      .chain((tree) =>
        fc.tuple(fc.constant(tree), fc.shuffledSubarray(tree, { minLength: tree.length })),
      )
    fc.assert(
      fc.property(trees, ([tree, shuffled]) => {
        const path = shownPath(tree, {})
        const byId = new Map(tree.map((item) => [item.id, item]))
        path.forEach((id, index) => {
          expect(byId.get(id)?.parentId).toBe(index === 0 ? undefined : path[index - 1])
        })
        expect(tree.some((item) => item.parentId === path.at(-1))).toBe(false)
        expect(shownPath(shuffled, {})).toEqual(path)
      }),
      { seed: 7 },
    )
  })
})

describe('selectionTo', () => {
  it('puts every message of the tree on the shown path', () => {
    for (const { id } of TREE) expect(shownPath(TREE, selectionTo(TREE, {}, id))).toContain(id)
  })

  it('chooses among messages without a parent too', () => {
    const roots = [node('r1'), node('r2')]
    expect(selectionTo(roots, {}, 'r1')).toEqual({ [ROOT]: 'r1' })
    expect(shownPath(roots, { [ROOT]: 'r1' })).toEqual(['r1'])
  })
})
