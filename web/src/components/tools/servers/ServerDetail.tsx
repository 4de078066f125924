'use client'

import { Pencil, Power, RotateCw, Trash2 } from 'lucide-react'
import Link from 'next/link'
import { useState } from 'react'

import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { onDemand } from '@/hooks/on-demand'
import { toolsPath } from '@/hooks/useToolsPlace'
import { servers, useServerLog } from '@/stores/servers.store'
import type { McpServer } from '@/types/servers'

import { reportFailure } from '../../toasts'
import { DetailHeader } from '../DetailHeader'
import { When } from '../When'
import { ServerLog } from './ServerLog'
import { ServerSignIn } from './ServerSignIn'
import { ServerStatus } from './ServerStatus'
import { reachedBy } from './words'

const useServerDialog = onDemand(async () => (await import('./ServerDialog')).default)
const useRemoveDialog = onDemand(async () => (await import('./RemoveDialog')).default)

/** What stands where a server's tools would. */
const WITHOUT_TOOLS: Partial<Record<McpServer['status'], string>> = {
  ready: 'It offers none.',
  needs_sign_in: 'They come when somebody has signed in.',
}

/** One MCP server: how it is, what it offers, what it said, and what can be done about it. */
export function ServerDetail({
  connect,
  named,
  server,
}: {
  server: McpServer
  named: string | undefined
  /** What came of a sign-in, right after it. */
  connect?: string | undefined
}) {
  const [dialog, setDialog] = useState<'none' | 'edit' | 'remove'>('none')
  const drawEdit = useServerDialog(dialog === 'edit')
  const drawRemove = useRemoveDialog(dialog === 'remove')
  const log = useServerLog(server.name)
  const isOurs = server.source === 'app'
  const close = () => {
    setDialog('none')
  }

  return (
    <article
      aria-labelledby="server-title"
      className="mx-auto flex w-full max-w-3xl flex-col gap-7 p-4 pb-12 sm:p-6 sm:pb-16"
    >
      <div className="flex flex-col gap-4">
        <DetailHeader
          id="server-title"
          title={server.name}
          back={{ view: 'servers' }}
          backLabel="MCP servers"
          named={named}
        >
          <span role="status">
            <ServerStatus status={server.status} />
          </span>
          {server.title !== undefined && (
            <span className="text-[0.8125rem] text-muted-foreground">{server.title}</span>
          )}
          {server.protocolVersion !== undefined && (
            <Badge variant="outline">MCP {server.protocolVersion}</Badge>
          )}
        </DetailHeader>
        <p className="font-mono text-[0.8125rem] leading-5 [overflow-wrap:anywhere] text-muted-foreground">
          {reachedBy(server.transport)}
        </p>
        <ServerSignIn
          server={server}
          connect={connect}
          onEdit={() => {
            setDialog('edit')
          }}
        />
        {server.error !== undefined && server.status !== 'needs_sign_in' && (
          <div
            role="alert"
            className="rounded-lg bg-destructive/8 px-3 py-2.5 text-[0.8125rem] leading-5"
          >
            <p className="[overflow-wrap:anywhere] whitespace-pre-line">{server.error}</p>
            {server.retryAt !== undefined && (
              <p className="mt-1 text-muted-foreground">
                It is tried again at <When at={server.retryAt} />.
              </p>
            )}
          </div>
        )}
        <div className="flex flex-wrap gap-2">
          {server.enabled && (
            <Button
              variant="outline"
              size="sm"
              onClick={() => void servers.restart(server.name).then(reportFailure)}
            >
              <RotateCw aria-hidden="true" />
              Restart
            </Button>
          )}
          {isOurs && (
            <>
              <Button
                variant="outline"
                size="sm"
                onClick={() =>
                  void servers.change(server.name, { enabled: !server.enabled }).then(reportFailure)
                }
              >
                <Power aria-hidden="true" />
                {server.enabled ? 'Switch off' : 'Switch on'}
              </Button>
              <Button
                variant="outline"
                size="sm"
                onClick={() => {
                  setDialog('edit')
                }}
              >
                <Pencil aria-hidden="true" />
                Edit
              </Button>
              <Button
                variant="outline"
                size="sm"
                onClick={() => {
                  setDialog('remove')
                }}
              >
                <Trash2 aria-hidden="true" />
                Remove
              </Button>
            </>
          )}
        </div>
        {!isOurs && (
          <p className="text-[0.8125rem] text-muted-foreground">
            This server is set in <code className="font-mono text-xs">weir.toml</code>; it is
            changed there.
          </p>
        )}
      </div>
      <section aria-labelledby="server-tools" className="flex flex-col gap-2">
        <h3 id="server-tools" className="text-sm font-semibold">
          Tools
        </h3>
        {server.tools.length === 0 ? (
          <p className="text-[0.8125rem] text-muted-foreground">
            {WITHOUT_TOOLS[server.status] ?? 'They come back when it is ready.'}
          </p>
        ) : (
          <ul className="flex flex-wrap gap-x-4 gap-y-1">
            {server.tools.map((name) => (
              <li key={name}>
                <Link
                  href={toolsPath({ view: 'browse', tool: name })}
                  prefetch={false}
                  className="font-mono text-[0.8125rem] [overflow-wrap:anywhere] text-primary underline-offset-4 hover:underline"
                >
                  {name}
                </Link>
              </li>
            ))}
          </ul>
        )}
      </section>
      <ServerLog lines={log} />
      {dialog === 'edit' && drawEdit?.({ server, onClose: close })}
      {dialog === 'remove' && drawRemove?.({ name: server.name, onClose: close })}
    </article>
  )
}
