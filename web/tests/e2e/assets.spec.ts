import { expect, test } from './support/fixtures'

const PAGES = ['/', '/chat', '/nowhere']

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

test('what is no file of the app is not found', async ({ request }) => {
  for (const path of ['/_next/static/none.js', '/chat.html.br', '/../Cargo.toml', '/api/none']) {
    expect((await request.get(path)).status(), path).toBe(404)
  }
  expect((await request.get('/api/none')).headers()['content-type']).toBe(
    'application/problem+json',
  )
})
