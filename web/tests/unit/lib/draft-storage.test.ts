import { beforeEach, describe, expect, it } from 'vitest'

import { createDraftStorage } from '@/lib/draft-storage'

import { memoryStorage } from '../support/values'

const NEW = 'new'
const OPEN = 'c1'

let shared: ReturnType<typeof memoryStorage>

/** A tab of the browser. Each page of it is loaded anew, over the storage that the tab keeps. */
function openTab() {
  const storage = memoryStorage()
  const load = () => createDraftStorage(storage, shared)
  let page = load()
  return {
    storage,
    read: (thread: string) => page.read(thread),
    write: (thread: string, text: string) => {
      page.write(thread, text)
    },
    reload: () => {
      page.leave()
      page = load()
      page.reclaim()
    },
    close: () => {
      page.leave()
    },
    signOut: () => {
      page.forget()
      shared.write('person', '')
    },
  }
}

beforeEach(() => {
  shared = memoryStorage()
})

describe('two tabs', () => {
  it('have drafts of their own: one neither sees nor clears the other’s', () => {
    const [first, second] = [openTab(), openTab()]
    for (const thread of [NEW, OPEN]) {
      first.write(thread, 'first')
      expect(second.read(thread)).toBe('')
      second.write(thread, 'second')
      second.write(thread, '')
      first.reload()
      expect(first.read(thread)).toBe('first')
    }
  })

  it('do not see what the other keeps through a reload', () => {
    const [first, second] = [openTab(), openTab()]
    first.write(NEW, 'first')
    first.reload()
    first.reload()
    expect(second.read(NEW)).toBe('')
    expect(first.read(NEW)).toBe('first')
    expect(shared.entries).toEqual({})
  })
})

describe('a tab that closes', () => {
  it('leaves its drafts to the next tab that opens the thread, and to one only', () => {
    const closed = openTab()
    closed.write(NEW, 'half a thought')
    closed.close()
    const [next, other] = [openTab(), openTab()]
    expect(next.read(NEW)).toBe('half a thought')
    expect(other.read(NEW)).toBe('')
    next.reload()
    expect(next.read(NEW)).toBe('half a thought')
  })

  it('does not overwrite what another closed tab left, nor does a reload repeat it', () => {
    const [first, second] = [openTab(), openTab()]
    first.write(OPEN, 'first')
    second.write(OPEN, 'second')
    first.close()
    second.reload()
    second.reload()
    expect(second.read(OPEN)).toBe('second')
    second.close()
    expect(openTab().read(OPEN)).toBe('first\nsecond')
  })

  it('leaves nothing of what was sent', () => {
    const tab = openTab()
    tab.write(OPEN, 'sent')
    tab.reload()
    tab.write(OPEN, '')
    tab.close()
    expect(openTab().read(OPEN)).toBe('')
  })
})

describe('drafts of another person', () => {
  it('are not shown after a sign-out in another tab, and not left behind', () => {
    shared.write('person', 'ada')
    const [first, second] = [openTab(), openTab()]
    second.write(NEW, 'Ada’s')
    first.signOut()
    shared.write('person', 'bob')
    second.write(NEW, 'Ada’s too')
    second.reload()
    expect(second.read(NEW)).toBe('')
    expect(second.storage.entries).toEqual({ person: 'bob' })
    expect(shared.entries).toEqual({ person: 'bob' })
  })

  it('stay for the person who signs in again', () => {
    shared.write('person', 'ada')
    const tab = openTab()
    tab.write(NEW, 'Ada’s')
    tab.reload()
    expect(tab.read(NEW)).toBe('Ada’s')
  })
})
