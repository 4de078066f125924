/** Small texts that outlive the page. A browser that refuses storage loses them at a reload, and nothing else. */
export interface TextStorage {
  read(key: string): string | undefined
  /** The empty text removes the entry. */
  write(key: string, text: string): void
  /** The keys of all entries. */
  keys(): string[]
}

const PREFIX = 'weir.'

/** Under this key the browser remembers whose drafts it keeps. */
export const PERSON_KEY = 'person'

/** The entries of Weir in one of the browser's storages; `open` may throw where the browser refuses it. */
export function textStorage(open: () => Storage): TextStorage {
  return {
    read: (key) => {
      try {
        return open().getItem(PREFIX + key) ?? undefined
      } catch {
        return undefined
      }
    },
    write: (key, text) => {
      try {
        if (text === '') open().removeItem(PREFIX + key)
        else open().setItem(PREFIX + key, text)
      } catch {
        // Storage is full or forbidden: the text stays in memory.
      }
    },
    keys: () => {
      try {
        return Object.keys(open()).flatMap((key) =>
          key.startsWith(PREFIX) ? [key.slice(PREFIX.length)] : [],
        )
      } catch {
        return []
      }
    },
  }
}

/** Shared by all tabs of the browser. */
export const browserStorage = textStorage(() => localStorage)

/** Belongs to this tab, and lives as long as the tab: through reloads, and through the browser's own restoring of tabs. */
export const tabStorage = textStorage(() => sessionStorage)
