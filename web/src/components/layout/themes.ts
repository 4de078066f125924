import { Monitor, Moon, Sun } from 'lucide-react'

/** What the page can look like, in the order of the menus. */
export const THEMES = [
  { value: 'light', label: 'Light', Icon: Sun },
  { value: 'dark', label: 'Dark', Icon: Moon },
  { value: 'system', label: 'System', Icon: Monitor },
]
