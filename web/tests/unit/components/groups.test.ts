import { expect, it } from 'vitest'

import { groupConversations } from '@/components/history/groups'

import { id } from '../support/values'

const TODAY = new Date(2026, 2, 20).getTime()

function conversation(title: string, updatedAt: Date, pinned = false) {
  return {
    id: id(updatedAt.getTime() % 1000),
    title,
    pinned,
    archived: false,
    createdAt: updatedAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}

it('puts conversations under the headings of the person’s calendar', () => {
  const groups = groupConversations(
    [
      conversation('pinned', new Date(2026, 0, 1), true),
      conversation('just after midnight', new Date(2026, 2, 20, 0, 1)),
      conversation('last night', new Date(2026, 2, 19, 23, 59)),
      conversation('yesterday morning', new Date(2026, 2, 19, 0, 1)),
      conversation('six days ago', new Date(2026, 2, 14)),
      conversation('seven days ago', new Date(2026, 2, 13)),
      conversation('eight days ago', new Date(2026, 2, 12)),
    ],
    TODAY,
  )
  expect(groups.map(({ label, items }) => [label, ...items.map(({ title }) => title)])).toEqual([
    ['Pinned', 'pinned'],
    ['Today', 'just after midnight'],
    ['Yesterday', 'last night', 'yesterday morning'],
    ['Previous 7 days', 'six days ago', 'seven days ago'],
    ['Older', 'eight days ago'],
  ])
})

it('leaves out headings under which nothing stands', () => {
  expect(groupConversations([], TODAY)).toEqual([])
})
