import type { NextConfig } from 'next'
import { PHASE_DEVELOPMENT_SERVER } from 'next/constants'

/** Paths that the Rust server answers; everything else is the exported app. */
const SERVER_PATHS = ['/api/:path*', '/v1/:path*', '/healthz', '/readyz', '/metrics']

/**
 * The build is a static export, which the Rust binary embeds: Node builds, Node never serves.
 * Only `next dev` forwards, so that hot reload and the real server share one origin.
 */
export default function config(phase: string): NextConfig {
  const shared: NextConfig = {
    images: { unoptimized: true },
    reactStrictMode: true,
    poweredByHeader: false,
  }
  if (phase !== PHASE_DEVELOPMENT_SERVER) return { ...shared, output: 'export' }

  const server = process.env['WEIR_DEV_SERVER'] ?? 'http://127.0.0.1:3001'
  return {
    ...shared,
    // Next takes only `localhost` for its own; the server prints the address.
    allowedDevOrigins: ['127.0.0.1'],
    // Compression would hold back the events of a stream until its buffer is full.
    compress: false,
    rewrites: () =>
      Promise.resolve(
        SERVER_PATHS.map((source) => ({ source, destination: `${server}${source}` })),
      ),
  }
}
