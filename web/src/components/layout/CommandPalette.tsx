'use client'

import {
  ChartNoAxesColumn,
  Keyboard,
  MessageSquare,
  Settings,
  SquarePen,
  Wrench,
} from 'lucide-react'
import { useTheme } from 'next-themes'
import { useRouter } from 'next/navigation'
import { useState } from 'react'

import {
  Command,
  CommandEmpty,
  CommandGroup,
  CommandInput,
  CommandItem,
  CommandList,
} from '@/components/ui/command'
import { Dialog, DialogContent, DialogTitle } from '@/components/ui/dialog'
import { useConversationSearch } from '@/hooks/useConversationSearch'
import { ui } from '@/stores/ui.store'

import { shortcutHint } from '../shortcuts'
import { THEMES } from './themes'

interface CommandPaletteProps {
  onOpen: (id: string) => void
  onNew: () => void
}

function close() {
  ui.setPalette('closed')
}

/** Conversations and commands by their names. Mounted while it is open. */
export default function CommandPalette({ onOpen, onNew }: CommandPaletteProps) {
  const [text, setText] = useState('')
  const [selected, setSelected] = useState('')
  const { items, state } = useConversationSearch(text)
  const { setTheme } = useTheme()
  const router = useRouter()
  const go = (path: string) => () => {
    router.push(path)
  }

  const commands = [
    {
      id: 'new',
      label: 'New chat',
      Icon: SquarePen,
      hint: shortcutHint('mod+shift+o'),
      run: onNew,
    },
    { id: 'tools', label: 'Go to tools', Icon: Wrench, hint: '', run: go('/tools') },
    {
      id: 'dashboard',
      label: 'Go to the dashboard',
      Icon: ChartNoAxesColumn,
      hint: '',
      run: go('/dashboard'),
    },
    {
      id: 'shortcuts',
      label: 'Keyboard shortcuts',
      Icon: Keyboard,
      hint: shortcutHint('?'),
      run: () => {
        ui.setShortcutsHelp('open')
      },
    },
    {
      id: 'settings',
      label: 'Settings',
      Icon: Settings,
      hint: '',
      run: () => {
        router.push('/settings')
      },
    },
    ...THEMES.map(({ value, label, Icon }) => ({
      id: `theme-${value}`,
      label: `Theme: ${label}`,
      Icon,
      hint: '',
      run: () => {
        setTheme(value)
      },
    })),
  ].filter(({ label }) => label.toLowerCase().includes(text.trim().toLowerCase()))

  // What is found comes and goes while the person types; something is always ready for Enter.
  const shown = [...commands, ...items].map(({ id }) => id)
  const value = shown.includes(selected) ? selected : (shown[0] ?? '')

  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) close()
      }}
    >
      <DialogContent
        closeButton={false}
        aria-describedby={undefined}
        className="top-[12dvh] max-w-xl translate-y-0 gap-0 overflow-hidden p-0"
      >
        <DialogTitle className="sr-only">Search and commands</DialogTitle>
        {/* The server has searched the conversations already, titles and messages. */}
        <Command
          shouldFilter={false}
          loop
          label="Search and commands"
          value={value}
          onValueChange={setSelected}
        >
          <CommandInput
            placeholder="Search conversations and commands"
            value={text}
            onValueChange={setText}
          />
          <CommandList>
            {items.length === 0 && commands.length === 0 && (
              <CommandEmpty>{state === 'searching' ? 'Searching…' : 'Nothing found.'}</CommandEmpty>
            )}
            {commands.length > 0 && (
              <CommandGroup heading="Commands">
                {commands.map(({ id, label, Icon, hint, run }) => (
                  <CommandItem
                    key={id}
                    value={id}
                    onSelect={() => {
                      close()
                      run()
                    }}
                  >
                    <Icon aria-hidden="true" />
                    {label}
                    <span className="ml-auto text-xs text-muted-foreground">{hint}</span>
                  </CommandItem>
                ))}
              </CommandGroup>
            )}
            {items.length > 0 && (
              <CommandGroup heading="Conversations">
                {items.map(({ id, title }) => (
                  <CommandItem
                    key={id}
                    value={id}
                    onSelect={() => {
                      close()
                      onOpen(id)
                    }}
                  >
                    <MessageSquare aria-hidden="true" />
                    <span className="truncate">{title === '' ? 'New chat' : title}</span>
                  </CommandItem>
                ))}
              </CommandGroup>
            )}
          </CommandList>
        </Command>
      </DialogContent>
    </Dialog>
  )
}
