'use client'

import { Lock } from 'lucide-react'

import type { SettingsSection } from '@/hooks/useSettingsPlace'
import { account, useAccount } from '@/stores/account.store'
import type { Me } from '@/types/account'

import { ListMessage } from '../tools/ListMessage'
import { LoadFailure } from '../tools/LoadFailure'
import { DevicesSection } from './DevicesSection'
import { InvitesSection } from './InvitesSection'
import { PasswordSection } from './PasswordSection'
import { PeopleSection } from './PeopleSection'
import { ProfileSection } from './ProfileSection'
import { SECTIONS } from './sections'
import { SettingsSkeleton } from './SettingsSkeleton'
import { CONTENT_ID } from './skip'
import { TokensSection } from './TokensSection'

/** One part of the settings, once it is known who asks. */
export function SettingsContent({ section }: { section: SettingsSection }) {
  const { load, me } = useAccount()
  return (
    <div
      id={CONTENT_ID}
      tabIndex={-1}
      className="min-h-0 flex-1 scrollbar-thin overflow-y-auto outline-none"
    >
      <div className="mx-auto flex w-full max-w-2xl flex-col gap-8 px-4 py-6 sm:px-6 sm:py-8">
        {me !== undefined ? (
          <Part me={me} section={section} />
        ) : load.kind === 'failed' ? (
          <LoadFailure
            title="The settings could not be loaded"
            failure={load.failure}
            onRetry={account.load}
          />
        ) : (
          <SettingsSkeleton />
        )}
      </div>
    </div>
  )
}

function Part({ me, section }: { me: Me; section: SettingsSection }) {
  if (!SECTIONS[section].isFor(me)) {
    return (
      <ListMessage Icon={Lock} title="This part is not for this account">
        {me.auth === 'open'
          ? 'On an open server nobody signs in, so there is nothing to set here.'
          : 'It is for administrators, or for those who sign in with a password.'}
      </ListMessage>
    )
  }
  switch (section) {
    case 'profile':
      return <ProfileSection me={me} />
    case 'password':
      return <PasswordSection me={me} />
    case 'devices':
      return <DevicesSection />
    case 'tokens':
      return <TokensSection me={me} />
    case 'people':
      return <PeopleSection me={me} />
    case 'invites':
      return <InvitesSection />
  }
}
