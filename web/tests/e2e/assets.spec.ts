import { expect, test } from './support/fixtures'

const PAGES = ['/', '/chat', '/nowhere']

/** What the scripts that /chat names may weigh, packed with gzip, in bytes. React and Next alone are 132,000. */
const FIRST_LOAD_JS = 187_000

for (const path of PAGES) {
  test(`${path} is packed, validated and under a strict policy`, async ({ request }) => {
    const response = await request.get(path, { headers: { 'accept-encoding': 'gzip, br' } })
    expect(response.status()).toBe(path === '/nowhere' ? 404 : 200)
    const headers = response.headers()
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-encoding': 'br',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
    })
    const policy = headers['content-security-policy'] ?? ''
    const scripts = /script-src ([^;]*)/.exec(policy)?.[1]
    expect(scripts).toMatch(/^'self'( 'sha256-[A-Za-z0-9+/=]+')+$/)
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("base-uri 'none'")
    expect(await response.text()).toMatch(/^<!DOCTYPE html>/)
  })
}

test('a page that the browser has already is not sent again', async ({ request }) => {
  const first = await request.get('/chat')
  const etag = first.headers()['etag'] ?? ''
  expect(etag).toMatch(/^"[\w-]+"$/)
  const second = await request.get('/chat', { headers: { 'if-none-match': etag } })
  expect(second.status()).toBe(304)
  expect(await second.body()).toHaveLength(0)
  const other = await request.get('/chat', { headers: { 'if-none-match': '"another"' } })
  expect(other.status()).toBe(200)
})

test('an encoding that the browser does not take is not used', async ({ request }) => {
  const plain = await request.get('/chat', { headers: { 'accept-encoding': 'identity' } })
  expect(plain.headers()['content-encoding']).toBeUndefined()
  const gzip = await request.get('/chat', { headers: { 'accept-encoding': 'br;q=0, gzip' } })
  expect(gzip.headers()['content-encoding']).toBe('gzip')
  expect(gzip.headers()['etag']).not.toBe(plain.headers()['etag'])
  expect(await gzip.text()).toBe(await plain.text())
})

test('every file that the page loads is its own, and kept for ever', async ({ chat, page }) => {
  const loaded: { url: string; headers: Record<string, string>; status: number }[] = []
  page.on('response', (response) => {
    loaded.push({ url: response.url(), headers: response.headers(), status: response.status() })
  })
  await chat.open()
  await page.waitForLoadState('networkidle')
  const origin = new URL(page.url()).origin
  expect(loaded.filter(({ url }) => !url.startsWith(origin))).toEqual([])
  const files = loaded.filter(({ url }) => url.includes('/_next/static/'))
  for (const { headers, status, url } of files) {
    expect(status, url).toBe(200)
    expect(headers['cache-control'], url).toBe('public, max-age=31536000, immutable')
    expect(headers['etag'], url).toMatch(/^"[\w-]+"$/)
  }
  // What is smaller than a packet gains nothing by packing.
  const packable = files.filter(
    ({ headers, url }) => /\.(js|css)$/.test(url) && Number(headers['content-length']) > 1_024,
  )
  expect(packable.length).toBeGreaterThan(5)
  for (const { headers, url } of packable) expect(headers['content-encoding'], url).toBe('br')
})

test('the scripts of the first load stay within their budget', async ({ request }) => {
  const page = await (await request.get('/chat')).text()
  // A module that a browser of this decade skips is no load.
  const scripts = [...page.matchAll(/<script (?![^>]*nomodule)[^>]*src="([^"]+)"/gi)].map(
    ([, path]) => path ?? '',
  )
  expect(scripts.length).toBeGreaterThan(5)
  let bytes = 0
  for (const path of new Set(scripts)) {
    const script = await request.get(path, { headers: { 'accept-encoding': 'gzip' } })
    bytes += Number(script.headers()['content-length'])
  }
  console.log(`first load of /chat: ${scripts.length} scripts, ${bytes} bytes in gzip`)
  expect(bytes).toBeLessThan(FIRST_LOAD_JS)
})

for (const hasUpstream of [true, false]) {
  test.describe(hasUpstream ? 'with a model' : 'without a model', () => {
    test.use({ hasUpstream, viewport: { width: 412, height: 823 } })

    test('the largest thing that a phone shows is there before the scripts', async ({
      chat,
      page,
    }) => {
      await page.addInitScript(() => {
        const paints: number[] = []
        Object.assign(window, { weirPaints: paints })
        new PerformanceObserver((list) => {
          paints.push(...list.getEntries().map(({ startTime }) => startTime))
        }).observe({ type: 'largest-contentful-paint', buffered: true })
      })
      await chat.open()
      await page.waitForLoadState('networkidle')
      const { first, largest } = await page.evaluate(() => ({
        first: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
        largest: (window as unknown as { weirPaints: number[] }).weirPaints,
      }))
      expect(largest).toEqual([first])
    })
  })
}

test('what is no file of the app is not found', async ({ request }) => {
  for (const path of ['/_next/static/none.js', '/chat.html.br', '/../Cargo.toml', '/api/none']) {
    expect((await request.get(path)).status(), path).toBe(404)
  }
  expect((await request.get('/api/none')).headers()['content-type']).toBe(
    'application/problem+json',
  )
})
