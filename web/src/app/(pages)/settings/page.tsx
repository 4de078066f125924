import type { Metadata } from 'next'
import { Suspense } from 'react'

import { SettingsPlaceholder } from '@/components/settings/SettingsPlaceholder'
import { SettingsScreen } from '@/components/settings/SettingsScreen'

export const metadata: Metadata = { title: 'Settings' }

export default function SettingsPage() {
  return (
    <Suspense fallback={<SettingsPlaceholder />}>
      <SettingsScreen />
    </Suspense>
  )
}
