import type { Metadata } from 'next'
import { Suspense } from 'react'

import { ToolsPlaceholder } from '@/components/tools/ToolsPlaceholder'
import { ToolsScreen } from '@/components/tools/ToolsScreen'

export const metadata: Metadata = { title: 'Tools' }

export default function ToolsPage() {
  return (
    <Suspense fallback={<ToolsPlaceholder />}>
      <ToolsScreen />
    </Suspense>
  )
}
