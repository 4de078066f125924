'use client'

import { MonitorSmartphone, Monitor, Smartphone } from 'lucide-react'
import { useEffect, useState } from 'react'

import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { devices, useDevices } from '@/stores/devices.store'
import type { Device } from '@/types/account'

import { reportFailure, reportNews } from '../toasts'
import { When } from '../tools/When'
import { CollectionView } from './CollectionView'
import { Confirm } from './Confirm'
import { Facts } from './Facts'
import { Section } from './Section'

/** Where one is signed in, and the ways to end that. */
export function DevicesSection() {
  const state = useDevices()
  const [asking, setAsking] = useState(false)
  const others = state.items.some(({ current }) => !current)

  useEffect(() => {
    void devices.load()
    const refresh = () => void devices.load()
    window.addEventListener('focus', refresh)
    return () => {
      window.removeEventListener('focus', refresh)
    }
  }, [])

  return (
    <Section
      title="Devices"
      description="The browsers you are signed in on. One that you sign out is thrown out within a second."
      action={
        others && (
          <Button
            variant="outline"
            size="sm"
            onClick={() => {
              setAsking(true)
            }}
          >
            Sign out all others
          </Button>
        )
      }
    >
      <CollectionView
        name="devices"
        state={state}
        onLoad={devices.load}
        empty={{
          Icon: MonitorSmartphone,
          title: 'No devices',
          text: 'You are signed in by other means than a browser.',
        }}
      >
        {(device) => <DeviceRow device={device} />}
      </CollectionView>
      {asking && (
        <Confirm
          title="Sign out all other devices?"
          action="Sign out all others"
          onClose={() => {
            setAsking(false)
          }}
          onConfirm={() => {
            void devices.signOutOthers().then((outcome) => {
              if (outcome.ok) reportNews('All other devices were signed out.')
              else reportFailure(outcome)
            })
          }}
        >
          Whoever uses them has to sign in again. This browser stays signed in.
        </Confirm>
      )}
    </Section>
  )
}

function DeviceRow({ device }: { device: Device }) {
  const [asking, setAsking] = useState(false)
  const Icon = /android|iphone|ios|mobile/i.test(device.device) ? Smartphone : Monitor
  return (
    <>
      <Icon aria-hidden="true" className="size-5 shrink-0 text-muted-foreground" />
      <div className="flex min-w-0 flex-1 flex-col gap-0.5">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm font-medium">
          <span className="[overflow-wrap:anywhere]">{device.device}</span>
          {device.current && <Badge>This device</Badge>}
        </p>
        <Facts>
          {device.current ? (
            'In use'
          ) : (
            <>
              Last used <When at={device.lastUsedAt} />
            </>
          )}
          {device.address}
          <>
            Since <When at={device.createdAt} />
          </>
        </Facts>
      </div>
      {!device.current && (
        <Button
          variant="outline"
          size="sm"
          aria-label={`Sign out ${device.device}`}
          aria-disabled={asking}
          onClick={() => {
            if (asking) return
            setAsking(true)
            void devices.signOut(device.id).then((outcome) => {
              setAsking(false)
              reportFailure(outcome)
            })
          }}
        >
          Sign out
        </Button>
      )}
    </>
  )
}
