import { PERSON_KEY, type TextStorage, browserStorage, tabStorage } from './storage'

/**
 * Drafts by thread. Each tab keeps its own, so two tabs never overwrite or delete each other's. A tab that closes leaves its
 * drafts to the next tab that opens the thread.
 */
export interface DraftStorage {
  /** Returns the tab's draft. A tab that has none takes over the draft that a closed tab left. */
  readonly read: (thread: string) => string
  readonly write: (thread: string, text: string) => void
  /** Leaves the tab's drafts to other tabs: the page is going away, and perhaps its tab with it. */
  readonly leave: () => void
  /** Takes back what {@link leave} left: the page was only reloaded, or shown again. */
  readonly reclaim: () => void
  /** Deletes all drafts that this tab can reach. */
  readonly forget: () => void
}

const PREFIX = 'draft.'

/**
 * Keeps drafts in `tab`, and drafts of closed tabs in `shared`. Drafts belong to the person that `shared` names; a page of
 * another person neither reads nor writes them.
 */
export function createDraftStorage(tab: TextStorage, shared: TextStorage): DraftStorage {
  const currentPerson = () => shared.read(PERSON_KEY) ?? ''
  let pagePerson: string | undefined

  const isCurrent = () => {
    if (pagePerson === undefined) {
      pagePerson = currentPerson()
      const tabPerson = tab.read(PERSON_KEY) ?? ''
      if (tabPerson !== '' && tabPerson !== pagePerson) forgetIn(tab)
      tab.write(PERSON_KEY, pagePerson)
    }
    return pagePerson === currentPerson()
  }

  return {
    read: (thread) => {
      if (!isCurrent()) return ''
      const key = PREFIX + thread
      const own = tab.read(key)
      if (own !== undefined) return own
      const left = shared.read(key) ?? ''
      shared.write(key, '')
      tab.write(key, left)
      return left
    },
    write: (thread, text) => {
      if (isCurrent()) tab.write(PREFIX + thread, text)
    },
    leave: () => {
      if (!isCurrent()) return
      for (const [key, text] of draftsIn(tab))
        shared.write(key, joinedTexts([shared.read(key), text]))
    },
    reclaim: () => {
      if (!isCurrent()) return
      for (const [key, text] of draftsIn(tab)) {
        const left = shared.read(key) ?? ''
        if (left === text) shared.write(key, '')
        else if (left.endsWith(`\n${text}`)) shared.write(key, left.slice(0, -text.length - 1))
      }
    },
    forget: () => {
      forgetIn(tab)
      forgetIn(shared)
    },
  }
}

/** Texts below each other, without those that are empty. */
export function joinedTexts(texts: readonly (string | undefined)[]): string {
  return texts.filter(Boolean).join('\n')
}

function draftsIn(storage: TextStorage): [key: string, text: string][] {
  return storage
    .keys()
    .filter((key) => key.startsWith(PREFIX))
    .map((key) => [key, storage.read(key) ?? ''])
}

function forgetIn(storage: TextStorage): void {
  for (const [key] of draftsIn(storage)) storage.write(key, '')
}

export const browserDrafts = createDraftStorage(tabStorage, browserStorage)
