import type { Metadata } from 'next'

import { ClientOnly } from '@/components/ClientOnly'
import { ToolsPlaceholder } from '@/components/tools/ToolsPlaceholder'
import { ToolsScreen } from '@/components/tools/ToolsScreen'

export const metadata: Metadata = { title: 'Tools' }

export default function ToolsPage() {
  return (
    <ClientOnly fallback={<ToolsPlaceholder />}>
      <ToolsScreen />
    </ClientOnly>
  )
}
