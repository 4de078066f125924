import type { Metadata } from 'next'
import { Suspense } from 'react'

import { DashboardPlaceholder } from '@/components/dashboard/DashboardPlaceholder'
import { DashboardScreen } from '@/components/dashboard/DashboardScreen'

export const metadata: Metadata = { title: 'Dashboard' }

export default function DashboardPage() {
  return (
    <Suspense fallback={<DashboardPlaceholder />}>
      <DashboardScreen />
    </Suspense>
  )
}
