import { useStore } from 'zustand'
import { createStore } from 'zustand/vanilla'

import { browserStorage } from '@/lib/storage'

/** The history beside the conversation. */
export type Sidebar = 'open' | 'collapsed'

/** Open, or not. */
export type Visibility = 'open' | 'closed'

export interface UiState {
  /** The history beside the conversation, on wide screens. Kept through reloads. */
  readonly sidebar: Sidebar
  /** The history over the conversation, on narrow screens. */
  readonly drawer: Visibility
  /** The command palette. */
  readonly palette: Visibility
  /** The list of keyboard shortcuts. */
  readonly shortcuts: Visibility
}

const STORAGE_KEY = 'sidebar'

export const uiStore = createStore<UiState>(() => ({
  sidebar: 'open',
  drawer: 'closed',
  palette: 'closed',
  shortcuts: 'closed',
}))

/** What can be done with the page's furniture. Stable. */
export const ui = {
  /** Brings back what an earlier page kept; after hydration, so that both agree on the first paint. */
  restore: () => {
    if (browserStorage.read(STORAGE_KEY) === 'collapsed') uiStore.setState({ sidebar: 'collapsed' })
  },
  setSidebar: (sidebar: Sidebar) => {
    uiStore.setState({ sidebar })
    browserStorage.write(STORAGE_KEY, sidebar === 'collapsed' ? 'collapsed' : '')
  },
  toggleSidebar: () => {
    ui.setSidebar(uiStore.getState().sidebar === 'open' ? 'collapsed' : 'open')
  },
  setDrawer: (drawer: Visibility) => {
    uiStore.setState({ drawer })
  },
  setPalette: (palette: Visibility) => {
    uiStore.setState({ palette })
  },
  setShortcutsHelp: (shortcuts: Visibility) => {
    uiStore.setState({ shortcuts })
  },
}

export function useSidebar(): Sidebar {
  return useStore(uiStore, (state) => state.sidebar)
}

export function useDrawer(): Visibility {
  return useStore(uiStore, (state) => state.drawer)
}

export function usePalette(): Visibility {
  return useStore(uiStore, (state) => state.palette)
}

export function useShortcutsHelp(): Visibility {
  return useStore(uiStore, (state) => state.shortcuts)
}
