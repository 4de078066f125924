import type { Metadata } from 'next'

import { CreateAccountScreen } from '@/components/account/CreateAccountScreen'

export const metadata: Metadata = { title: 'Set up', referrer: 'no-referrer' }

export default function SetupPage() {
  return <CreateAccountScreen kind="setup" />
}
