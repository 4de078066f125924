import type { Metadata } from 'next'

import { CreateAccountScreen } from '@/components/account/CreateAccountScreen'

export const metadata: Metadata = { title: 'Join', referrer: 'no-referrer' }

export default function JoinPage() {
  return <CreateAccountScreen kind="join" />
}
