import { defineConfig, devices } from '@playwright/test'

import { services } from './tests/e2e/support/services'

const CHROMIUM = process.env['WEIR_CHROMIUM'] ?? '/usr/bin/chromium'

/**
 * The browser tests: the real binary (`WEIR_BINARY`), the real browser (`WEIR_CHROMIUM`), and an upstream that a test
 * holds in its hand. Nothing is repeated until it passes.
 */
export default defineConfig({
  testDir: 'tests/e2e',
  globalSetup: './tests/e2e/support/setup.ts',
  outputDir: 'test-results',
  // Every test has a server and a browser context of its own.
  fullyParallel: true,
  workers: 2,
  retries: 0,
  timeout: 45_000,
  expect: { timeout: 10_000 },
  forbidOnly: process.env['CI'] !== undefined,
  reporter: 'list',
  use: {
    ...devices['Desktop Chrome'],
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    permissions: ['clipboard-read', 'clipboard-write'],
    screenshot: 'only-on-failure',
    // Snapshots of the page are enough; a film of it would cost more than the test.
    trace: { mode: 'retain-on-failure', screenshots: false },
    launchOptions: {
      executablePath: CHROMIUM,
      args: [
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [
    { name: 'flows', testMatch: '*.spec.ts', testIgnore: 'cluster.spec.ts' },
    // Two servers behind nginx; set-up says so when what they need is not running.
    ...(services() === undefined ? [] : [{ name: 'cluster', testMatch: 'cluster.spec.ts' }]),
    // Pictures of every state, to be looked at: `WEIR_SCREENSHOTS=<folder> pnpm e2e`.
    ...(process.env['WEIR_SCREENSHOTS'] === undefined
      ? []
      : [{ name: 'screenshots', testMatch: 'support/screenshots*.ts' }]),
  ],
})
