import type { Metadata } from 'next'

import { ClientOnly } from '@/components/ClientOnly'
import { SettingsPlaceholder } from '@/components/settings/SettingsPlaceholder'
import { SettingsScreen } from '@/components/settings/SettingsScreen'

export const metadata: Metadata = { title: 'Settings' }

export default function SettingsPage() {
  return (
    <ClientOnly fallback={<SettingsPlaceholder />}>
      <SettingsScreen />
    </ClientOnly>
  )
}
