'use client'

import { useRouter } from 'next/navigation'
import { useState } from 'react'

import { Button } from '@/components/ui/button'
import {
  Dialog,
  DialogContent,
  DialogDescription,
  DialogHeader,
  DialogTitle,
} from '@/components/ui/dialog'
import { useCountdown } from '@/hooks/useCountdown'
import { toolsPath } from '@/hooks/useToolsPlace'
import type { Failure } from '@/lib/failure'
import { servers } from '@/stores/servers.store'
import type { McpServer } from '@/types/servers'

import { SubmitButton } from '../../SubmitButton'
import { draftOf, faultsOf, serverOf } from './draft'
import { ServerFields } from './ServerFields'

interface ServerDialogProps {
  /** The server that is changed; undefined adds one. */
  server: McpServer | undefined
  onClose: () => void
}

/** Adds an MCP server, or changes how one is reached. */
export default function ServerDialog({ onClose, server }: ServerDialogProps) {
  const router = useRouter()
  const [draft, setDraft] = useState(() => draftOf(server))
  const [failure, setFailure] = useState<Failure>()
  const [asking, setAsking] = useState(false)
  const faults = failure?.fields ?? []
  const atFields = [
    'name',
    'transport.command',
    'transport.args',
    'transport.url',
    'transport.oauth.clientId',
    'transport.oauth.clientSecret',
    'transport.oauth.scopes',
  ]
  const others = faults.filter(({ path }) => !atFields.includes(path.replace(/\[\d+\]$/, '')))

  const seconds = useCountdown(failure?.retryAt)
  const send = async () => {
    if (asking || seconds > 0) return
    const known = faultsOf(draft, !server)
    if (known.length > 0) {
      setFailure({ kind: 'problem', message: '', fields: known })
      return
    }
    setAsking(true)
    const made = serverOf(draft)
    const outcome = await (server
      ? servers.change(server.name, { transport: made.transport })
      : servers.add(made))
    setAsking(false)
    if (!outcome.ok) {
      setFailure(outcome.failure)
      return
    }
    onClose()
    if (!server) router.push(toolsPath({ view: 'servers', server: made.name }))
  }

  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose()
      }}
    >
      <DialogContent>
        <DialogHeader>
          <DialogTitle>{server ? `Edit “${server.name}”` : 'Add an MCP server'}</DialogTitle>
          <DialogDescription>
            Its tools ask for your word before they run, until you allow them.
          </DialogDescription>
        </DialogHeader>
        <form
          className="flex flex-col gap-4"
          noValidate
          onSubmit={(event) => {
            event.preventDefault()
            void send()
          }}
        >
          <ServerFields
            draft={draft}
            faults={faults}
            isNew={!server}
            onChange={(changed) => {
              setDraft(changed)
              if (seconds === 0) setFailure(undefined)
            }}
          />
          {failure && (others.length > 0 || faults.length === 0) && (
            <div role="alert" className="text-[0.8125rem] leading-5 text-destructive">
              {others.length > 0
                ? others.map(({ message, path }) => (
                    <p key={path}>
                      {path.replace('transport.', '')} {message}.
                    </p>
                  ))
                : failure.message}
            </div>
          )}
          <div className="flex justify-end gap-2">
            <Button variant="outline" onClick={onClose}>
              Cancel
            </Button>
            <SubmitButton submission={{ asking, seconds }}>
              {server ? 'Save' : 'Add server'}
            </SubmitButton>
          </div>
        </form>
      </DialogContent>
    </Dialog>
  )
}
