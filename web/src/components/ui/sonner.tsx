'use client'

import { useTheme } from 'next-themes'
import { Toaster as Sonner, type ToasterProps } from 'sonner'

function themeName(theme: string | undefined): 'light' | 'dark' | 'system' {
  return theme === 'light' || theme === 'dark' ? theme : 'system'
}

function Toaster(props: ToasterProps) {
  const { theme } = useTheme()
  return (
    <Sonner
      theme={themeName(theme)}
      position="top-center"
      toastOptions={{
        classNames: {
          toast:
            '!rounded-xl !border !border-border !bg-popover !text-popover-foreground !shadow-lg !font-sans',
          description: '!text-muted-foreground',
        },
      }}
      {...props}
    />
  )
}

export { Toaster }
