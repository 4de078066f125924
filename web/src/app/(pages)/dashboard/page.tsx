import type { Metadata } from 'next'

import { ClientOnly } from '@/components/ClientOnly'
import { DashboardPlaceholder } from '@/components/dashboard/DashboardPlaceholder'
import { DashboardScreen } from '@/components/dashboard/DashboardScreen'

export const metadata: Metadata = { title: 'Dashboard' }

export default function DashboardPage() {
  return (
    <ClientOnly fallback={<DashboardPlaceholder />}>
      <DashboardScreen />
    </ClientOnly>
  )
}
