'use client'

import { MailPlus } from 'lucide-react'
import { useEffect } from 'react'

import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { invites, useInvites } from '@/stores/invites.store'
import type { Invite } from '@/types/account'

import { reportFailure } from '../toasts'
import { When } from '../tools/When'
import { CollectionView } from './CollectionView'
import { Facts } from './Facts'
import { InviteDialog } from './InviteDialog'
import { MakingSection } from './MakingSection'

/** Links that make accounts. */
export function InvitesSection() {
  const state = useInvites()

  useEffect(() => {
    void invites.load()
  }, [])

  return (
    <MakingSection
      title="Invites"
      description="A link makes one account, and ends by itself. Those that were used are not listed."
      action="New invite"
      dialog={(onClose) => <InviteDialog onClose={onClose} />}
    >
      <CollectionView
        name="invites"
        state={state}
        onLoad={invites.load}
        empty={{
          Icon: MailPlus,
          title: 'No open invites',
          text: 'Make one, and send its link to whoever is to have an account.',
        }}
      >
        {(invite) => <InviteRow invite={invite} />}
      </CollectionView>
    </MakingSection>
  )
}

function InviteRow({ invite }: { invite: Invite }) {
  const name = invite.note ?? 'Invite without a note'
  return (
    <>
      <div className="flex min-w-0 flex-1 flex-col gap-0.5">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm font-medium">
          <span className="[overflow-wrap:anywhere]">{name}</span>
          <Badge variant={invite.role === 'administrator' ? 'default' : 'secondary'}>
            {invite.role === 'administrator' ? 'Administrator' : 'User'}
          </Badge>
        </p>
        <Facts>
          <>
            Made <When at={invite.createdAt} />
          </>
          <>
            Ends <When at={invite.expiresAt} />
          </>
        </Facts>
      </div>
      <Button
        variant="outline"
        size="sm"
        aria-label={`Revoke ${name}`}
        onClick={() => void invites.revoke(invite.id).then(reportFailure)}
      >
        Revoke
      </Button>
    </>
  )
}
