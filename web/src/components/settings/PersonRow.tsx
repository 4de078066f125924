'use client'

import { Ban, Ellipsis, LogIn, ShieldCheck, ShieldMinus, Trash2 } from 'lucide-react'
import { useState } from 'react'

import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import {
  DropdownMenu,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuSeparator,
  DropdownMenuTrigger,
} from '@/components/ui/dropdown-menu'
import { people } from '@/stores/people.store'
import type { Person, UpdatePerson } from '@/types/account'

import { reportFailure } from '../toasts'
import { When } from '../tools/When'
import { Confirm } from './Confirm'
import { Facts } from './Facts'

/** One person, and what an administrator can do with them. */
export function PersonRow({ isMe, person }: { isMe: boolean; person: Person }) {
  const { disabled, email, id, lastUsedAt, name, role } = person
  const [asking, setAsking] = useState<'nothing' | 'delete' | 'shut out'>('nothing')
  const update = (change: UpdatePerson) => {
    void people.update(id, change).then(reportFailure)
  }
  const close = () => {
    setAsking('nothing')
  }

  return (
    <>
      <span
        aria-hidden="true"
        className="flex size-9 shrink-0 items-center justify-center rounded-full bg-secondary text-sm font-medium text-secondary-foreground"
      >
        {name.trim().charAt(0).toUpperCase()}
      </span>
      <div className="flex min-w-0 flex-1 flex-col gap-0.5">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm font-medium">
          <span className="[overflow-wrap:anywhere]">{name}</span>
          {isMe && <Badge variant="outline">You</Badge>}
          {role === 'administrator' && <Badge>Administrator</Badge>}
          {disabled && <Badge variant="warning">Shut out</Badge>}
        </p>
        <Facts>
          {email}
          {lastUsedAt === undefined ? (
            'Never here'
          ) : (
            <>
              Last here <When at={lastUsedAt} />
            </>
          )}
        </Facts>
      </div>
      {!isMe && (
        <DropdownMenu>
          <DropdownMenuTrigger asChild>
            <Button variant="ghost" size="icon" aria-label={`Actions for ${name}`}>
              <Ellipsis aria-hidden="true" />
            </Button>
          </DropdownMenuTrigger>
          <DropdownMenuContent align="end">
            <DropdownMenuItem
              onSelect={() => {
                update({ role: role === 'administrator' ? 'user' : 'administrator' })
              }}
            >
              {role === 'administrator' ? (
                <ShieldMinus aria-hidden="true" />
              ) : (
                <ShieldCheck aria-hidden="true" />
              )}
              {role === 'administrator' ? 'Make a user' : 'Make an administrator'}
            </DropdownMenuItem>
            <DropdownMenuItem
              onSelect={() => {
                if (disabled) update({ disabled: false })
                else setAsking('shut out')
              }}
            >
              {disabled ? <LogIn aria-hidden="true" /> : <Ban aria-hidden="true" />}
              {disabled ? 'Let in again' : 'Shut out…'}
            </DropdownMenuItem>
            <DropdownMenuSeparator />
            <DropdownMenuItem
              variant="destructive"
              onSelect={() => {
                setAsking('delete')
              }}
            >
              <Trash2 aria-hidden="true" />
              Delete…
            </DropdownMenuItem>
          </DropdownMenuContent>
        </DropdownMenu>
      )}
      {asking === 'shut out' && (
        <Confirm
          title={`Shut out ${name}?`}
          action="Shut out"
          onClose={close}
          onConfirm={() => {
            update({ disabled: true })
          }}
        >
          This signs them out everywhere and revokes their API tokens for good. If you let them in
          again, they sign in with their password.
        </Confirm>
      )}
      {asking === 'delete' && (
        <Confirm
          title={`Delete ${name}?`}
          action="Delete"
          onClose={close}
          onConfirm={() => void people.remove(id).then(reportFailure)}
        >
          Their account and all their conversations are deleted. This cannot be taken back.
        </Confirm>
      )}
    </>
  )
}
