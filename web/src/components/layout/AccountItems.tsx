'use client'

import { LogOut } from 'lucide-react'
import { useEffect } from 'react'

import {
  DropdownMenuItem,
  DropdownMenuLabel,
  DropdownMenuSeparator,
} from '@/components/ui/dropdown-menu'
import { account, useAccount } from '@/stores/account.store'

import { reportFailure } from '../toasts'

/** Who is signed in, and the way out; nothing where nobody signs in. Last in its menu: it may come late. */
export function AccountItems() {
  const { me } = useAccount()

  useEffect(() => {
    void account.load()
  }, [])

  if (me?.auth !== 'required') return null
  return (
    <>
      <DropdownMenuSeparator />
      <DropdownMenuLabel className="flex max-w-64 flex-col gap-0.5">
        <span className="truncate text-sm text-foreground">{me.name}</span>
        <span className="truncate font-normal">{me.email}</span>
      </DropdownMenuLabel>
      <DropdownMenuItem
        onSelect={() => {
          void account.signOut().then((outcome) => {
            // A load of its own: nothing of this person stays in the page.
            if (outcome.ok) window.location.replace('/sign-in')
            else reportFailure(outcome)
          })
        }}
      >
        <LogOut aria-hidden="true" />
        Sign out
      </DropdownMenuItem>
    </>
  )
}
