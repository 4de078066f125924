'use client'

import { Plus } from 'lucide-react'
import { type ReactNode, useState } from 'react'

import { Button } from '@/components/ui/button'

import { Section } from './Section'

interface MakingSectionProps {
  title: string
  description: string
  /** What the button makes: `New invite`. */
  action: string
  /** Makes it; mounted while it is open. */
  dialog: (onClose: () => void) => ReactNode
  children: ReactNode
}

/** A part of the settings in which new things are made. */
export function MakingSection({
  action,
  children,
  description,
  dialog,
  title,
}: MakingSectionProps) {
  const [making, setMaking] = useState(false)
  return (
    <Section
      title={title}
      description={description}
      action={
        <Button
          size="sm"
          onClick={() => {
            setMaking(true)
          }}
        >
          <Plus aria-hidden="true" />
          {action}
        </Button>
      }
    >
      {children}
      {making &&
        dialog(() => {
          setMaking(false)
        })}
    </Section>
  )
}
