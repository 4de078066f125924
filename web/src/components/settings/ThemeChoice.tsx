'use client'

import { useTheme } from 'next-themes'

import { Segmented, SegmentedItem } from '@/components/ui/segmented'
import { useHydrated } from '@/hooks/useHydrated'

import { THEMES } from '../layout/themes'

/** What the page looks like. */
export function ThemeChoice() {
  const { setTheme, theme } = useTheme()
  // What this browser keeps is not known where the page is rendered first.
  const hydrated = useHydrated()
  return (
    <Segmented
      aria-label="Theme"
      className="w-full max-w-md"
      value={hydrated ? (theme ?? 'system') : ''}
      onValueChange={setTheme}
    >
      {THEMES.map(({ Icon, label, value }) => (
        <SegmentedItem key={value} value={value}>
          <Icon aria-hidden="true" />
          {label}
        </SegmentedItem>
      ))}
    </Segmented>
  )
}
