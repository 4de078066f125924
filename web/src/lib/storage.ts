/** Small texts that outlive the page. A browser that refuses storage loses them at a reload, and nothing else. */
export interface TextStorage {
  read(key: string): string | undefined
  /** The empty text removes the entry. */
  write(key: string, text: string): void
}

const PREFIX = 'weir.'

export const browserStorage: TextStorage = {
  read: (key) => {
    try {
      return localStorage.getItem(PREFIX + key) ?? undefined
    } catch {
      return undefined
    }
  },
  write: (key, text) => {
    try {
      if (text === '') localStorage.removeItem(PREFIX + key)
      else localStorage.setItem(PREFIX + key, text)
    } catch {
      // Storage is full or forbidden: the text stays in memory.
    }
  },
}
