'use client'

import { useCallback, useEffect } from 'react'

import { useNavigateThread } from '@/hooks/useCurrentThread'
import { useLiveData } from '@/hooks/useLiveData'
import { settingsPath, useSettingsSection } from '@/hooks/useSettingsPlace'
import { useWebSocket } from '@/hooks/useWebSocket'
import { account, useAccount } from '@/stores/account.store'
import { NEW_THREAD } from '@/stores/chat.store'

import { ConnectionBanner } from '../chat/ConnectionBanner'
import { AppShell } from '../layout/AppShell'
import { Overlays } from '../layout/Overlays'
import { PageHeader } from '../layout/PageHeader'
import { PageNav } from '../layout/PageNav'
import { SECTIONS, sectionsFor } from './sections'
import { SettingsContent } from './SettingsContent'
import { SKIP } from './skip'

/** The whole of /settings. */
export function SettingsScreen() {
  useLiveData()
  const { toThread, toNew } = useNavigateThread()
  const { me } = useAccount()
  const section = useSettingsSection()

  useEffect(() => {
    void account.load()
  }, [])

  // No conversation is on the screen that could be deleted elsewhere.
  useWebSocket(useCallback(() => undefined, []))

  const parts = sectionsFor(me).map((name) => ({
    href: settingsPath(name),
    label: SECTIONS[name].label,
    current: name === section,
  }))

  return (
    <AppShell
      thread={NEW_THREAD}
      onOpen={toThread}
      onNew={toNew}
      header={<PageHeader title="Settings" />}
      skip={SKIP}
    >
      <ConnectionBanner thread={NEW_THREAD} />
      <PageNav parts={parts} />
      <SettingsContent section={section} />
      <Overlays thread={NEW_THREAD} onOpen={toThread} onNew={toNew} onFocusComposer={toNew} />
    </AppShell>
  )
}
