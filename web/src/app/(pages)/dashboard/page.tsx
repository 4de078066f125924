import type { Metadata } from 'next'

import { DashboardPlaceholder } from '@/components/dashboard/DashboardPlaceholder'
import { DashboardScreen } from '@/components/dashboard/DashboardScreen'
import { ServedPage } from '@/components/layout/ServedPage'

export const metadata: Metadata = { title: 'Dashboard' }

export default function DashboardPage() {
  return (
    <ServedPage placeholder={<DashboardPlaceholder />}>
      <DashboardScreen />
    </ServedPage>
  )
}
