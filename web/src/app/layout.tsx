import '@/styles/globals.css'

import type { Metadata, Viewport } from 'next'
import type { ReactNode } from 'react'

import { inter, interExtended, mono } from './fonts'
import { Providers } from './providers'

export const metadata: Metadata = {
  title: { default: 'Weir', template: '%s · Weir' },
  description:
    'Chat with language models on your own server. An answer, once started, is never lost.',
  applicationName: 'Weir',
  appleWebApp: { capable: true, title: 'Weir', statusBarStyle: 'default' },
  formatDetection: { telephone: false },
}

export const viewport: Viewport = {
  width: 'device-width',
  initialScale: 1,
  viewportFit: 'cover',
  interactiveWidget: 'resizes-content',
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#ffffff' },
    { media: '(prefers-color-scheme: dark)', color: '#121214' },
  ],
}

/**
 * Before the first paint: is a conversation addressed, and was the history hidden? The served page
 * then shows the right half of itself. Constant, so that the content security policy can hash it.
 */
const BEFORE_PAINT = `(function(){var d=document.documentElement.dataset;d.thread=/[?&]c=/.test(location.search)?'open':'new';try{d.sidebar=localStorage.getItem('weir.sidebar')||'open'}catch(e){}})()`

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html
      lang="en"
      suppressHydrationWarning
      className={`${inter.variable} ${interExtended.variable} ${mono.variable}`}
    >
      <body>
        <script dangerouslySetInnerHTML={{ __html: BEFORE_PAINT }} />
        <Providers>{children}</Providers>
      </body>
    </html>
  )
}
