import { SETTINGS_SECTIONS, type SettingsSection } from '@/hooks/useSettingsPlace'
import type { Me } from '@/types/account'

/** The name of each part of the settings, and for whom it is. */
export const SECTIONS: Readonly<
  Record<SettingsSection, { readonly label: string; readonly isFor: (me: Me) => boolean }>
> = {
  profile: { label: 'Profile', isFor: () => true },
  password: { label: 'Password', isFor: (me) => signsIn(me) && me.hasPassword },
  devices: { label: 'Devices', isFor: signsIn },
  tokens: { label: 'API tokens', isFor: signsIn },
  people: { label: 'People', isFor: (me) => signsIn(me) && me.role === 'administrator' },
  invites: { label: 'Invites', isFor: (me) => signsIn(me) && me.role === 'administrator' },
}

/** The parts that somebody sees; until it is known who asks, the first one. */
export function sectionsFor(me: Me | undefined): readonly SettingsSection[] {
  return SETTINGS_SECTIONS.filter((name) =>
    me === undefined ? name === 'profile' : SECTIONS[name].isFor(me),
  )
}

function signsIn(me: Me): boolean {
  return me.auth === 'required'
}
