import type { Metadata } from 'next'

import { ServedPage } from '@/components/layout/ServedPage'
import { ToolsPlaceholder } from '@/components/tools/ToolsPlaceholder'
import { ToolsScreen } from '@/components/tools/ToolsScreen'

export const metadata: Metadata = { title: 'Tools' }

export default function ToolsPage() {
  return (
    <ServedPage placeholder={<ToolsPlaceholder />}>
      <ToolsScreen />
    </ServedPage>
  )
}
