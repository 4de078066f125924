/** What was being written in this browser, kept through reloads. */
export interface Drafts {
  /** Forgets all of it. */
  forget(): void
}

const PREFIX = 'weir.draft.'

export const browserDrafts: Drafts = {
  forget: () => {
    try {
      for (const key of Object.keys(localStorage))
        if (key.startsWith(PREFIX)) localStorage.removeItem(key)
    } catch {
      // A browser that refuses storage has kept nothing.
    }
  },
}
