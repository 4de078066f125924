'use client'

import { MailPlus, Plus } from 'lucide-react'
import { useEffect, useState } from 'react'

import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { invites, useInvites } from '@/stores/invites.store'
import type { Invite } from '@/types/account'

import { reportFailure } from '../toasts'
import { When } from '../tools/When'
import { CollectionView } from './CollectionView'
import { Facts } from './Facts'
import { InviteDialog } from './InviteDialog'
import { Section } from './Section'

/** Links that make accounts. */
export function InvitesSection() {
  const state = useInvites()
  const [making, setMaking] = useState(false)

  useEffect(() => {
    void invites.load()
  }, [])

  return (
    <Section
      title="Invites"
      description="A link makes one account, and ends by itself. Those that were used are not listed."
      action={
        <Button
          size="sm"
          onClick={() => {
            setMaking(true)
          }}
        >
          <Plus aria-hidden="true" />
          New invite
        </Button>
      }
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
      {making && (
        <InviteDialog
          onClose={() => {
            setMaking(false)
          }}
        />
      )}
    </Section>
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
