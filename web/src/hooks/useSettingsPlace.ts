import { useSearchParams } from 'next/navigation'

/** The parts of the page of settings, those for administrators last. */
export const SETTINGS_SECTIONS = [
  'profile',
  'password',
  'devices',
  'tokens',
  'people',
  'invites',
] as const

export type SettingsSection = (typeof SETTINGS_SECTIONS)[number]

/** Where a part of the page of settings is shown. */
export function settingsPath(section: SettingsSection): string {
  return section === 'profile' ? '/settings' : `/settings?section=${section}`
}

/** The part that the address asks for. Needs `<Suspense>` around it in an exported page. */
export function useSettingsSection(): SettingsSection {
  const asked = useSearchParams().get('section')
  return SETTINGS_SECTIONS.find((section) => section === asked) ?? 'profile'
}
