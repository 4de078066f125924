import type { Metadata } from 'next'

import { ServedPage } from '@/components/layout/ServedPage'
import { SettingsPlaceholder } from '@/components/settings/SettingsPlaceholder'
import { SettingsScreen } from '@/components/settings/SettingsScreen'

export const metadata: Metadata = { title: 'Settings' }

export default function SettingsPage() {
  return (
    <ServedPage placeholder={<SettingsPlaceholder />}>
      <SettingsScreen />
    </ServedPage>
  )
}
