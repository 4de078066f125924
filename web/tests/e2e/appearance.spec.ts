import type { Page } from '@playwright/test'

import { prose } from './support/chat-page'
import { expect, test } from './support/fixtures'
import { PLACES } from './support/places'

test.describe('on a phone', () => {
  test.use({ viewport: PLACES['on a phone'], hasTouch: true, isMobile: true })

  test('the history is a sheet over the page', async ({ api, chat, page }) => {
    await api.exchange('Rivers')
    await chat.open()
    await expect(chat.history).toBeHidden()
    await page.getByRole('button', { name: 'Open the history' }).tap()
    const sheet = page.getByRole('dialog', { name: 'History' })
    await expect(sheet).toBeVisible()
    await sheet.getByRole('link', { name: 'Rivers' }).tap()
    await expect(sheet).toBeHidden()
    await expect(chat.answerText).toHaveText('An answer about Rivers.')

    await page.getByRole('button', { name: 'Open the history' }).tap()
    await sheet.getByRole('button', { name: 'Close the history' }).tap()
    await expect(sheet).toBeHidden()
  })

  test('nothing is wider than the page', async ({ chat, page, upstream }) => {
    const wide = 'x'.repeat(200)
    upstream
      .next({
        text: `${wide}\n\n\`\`\`\n${wide}\n\`\`\`\n\n| ${'column | '.repeat(12)}\n|${'---|'.repeat(12)}\n| ${'cell | '.repeat(12)}\n\n\`${wide}\`\n\nhttps://example.com/${wide}`,
      })
      .finish()
    await chat.open()
    await expectNoOverflow()
    await chat.composer.fill(wide)
    await chat.sendButton.tap()
    await chat.expectEnding('complete')
    await expectNoOverflow()

    async function expectNoOverflow() {
      const [content, view] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        window.innerWidth,
      ])
      expect(content).toBe(PLACES['on a phone'].width)
      expect(view).toBe(PLACES['on a phone'].width)
      expect(
        await page.evaluate(() =>
          [...document.querySelectorAll('main *')]
            .filter((element) => element.closest('pre, table, .sr-only, textarea') === null)
            .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1)
            .map((element) => element.outerHTML.slice(0, 120)),
        ),
      ).toEqual([])
    }
  })

  test('Enter makes a new line, and the button sends', async ({ chat, upstream }) => {
    upstream.next({ text: 'Two lines.' }).finish()
    await chat.open()
    await chat.composer.pressSequentially('one')
    await chat.composer.press('Enter')
    await chat.composer.pressSequentially('two')
    await chat.sendButton.tap()
    await expect(chat.answerText).toHaveText('Two lines.')
    expect(upstream.questions).toEqual(['one\ntwo'])
  })

  test('targets are large enough for a finger', async ({ api, chat, page }) => {
    await chat.open(await api.exchange('Rivers'))
    await expect(chat.answerText).toBeVisible()
    const small = await page.evaluate(() =>
      [...document.querySelectorAll('button, a[href], textarea')]
        .filter((target) => target.checkVisibility() && target.closest('.sr-only') === null)
        .map((target) => ({ name: target.ariaLabel, box: target.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 1 && (box.width < 24 || box.height < 24))
        .map(({ name }) => name),
    )
    expect(small).toEqual([])
  })
})

for (const scheme of ['light', 'dark'] as const) {
  test(`the theme follows the system: ${scheme}`, async ({ chat, page }) => {
    await page.emulateMedia({ colorScheme: scheme })
    await chat.open()
    const lightness = await page.evaluate(() => {
      const canvas = new OffscreenCanvas(1, 1).getContext('2d')
      if (canvas === null) throw new Error('no canvas')
      canvas.fillStyle = getComputedStyle(document.body).backgroundColor
      canvas.fillRect(0, 0, 1, 1)
      return canvas.getImageData(0, 0, 1, 1).data[0]
    })
    if (scheme === 'light') expect(lightness).toBeGreaterThan(200)
    else expect(lightness).toBeLessThan(50)
  })
}

test('a theme that is chosen stays, also before the first script runs', async ({ chat, page }) => {
  await page.emulateMedia({ colorScheme: 'light' })
  await chat.open()
  await page.getByRole('button', { name: 'Theme and more' }).click()
  await page.getByRole('menuitemradio', { name: 'Dark' }).click()
  await expect(page.locator('html')).toHaveClass(/dark/)
  await page.reload({ waitUntil: 'commit' })
  await expect(page.locator('html')).toHaveClass(/dark/)
})

test('who asks for less motion gets none', async ({ chat, page, upstream }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const answer = upstream.next({ text: prose(20) })
  await chat.open()
  await chat.say('Keep still')
  await expect(page.getByText('Reading…')).toBeVisible()
  expect(await moving()).toEqual([])
  answer.send(5)
  await expect(chat.answerText).toContainText('word1')
  expect(await moving()).toEqual([])
  await page.getByRole('button', { name: 'Theme and more' }).click()
  await expect(page.getByRole('menu')).toBeVisible()
  expect(await moving()).toEqual([])

  /** What changes its place or size, and what never comes to rest. A short fade is neither. */
  async function moving(): Promise<string[]> {
    return page.evaluate(() =>
      document.getAnimations().flatMap(({ effect }) => {
        const { duration, iterations } = effect?.getComputedTiming() ?? {}
        if (!(effect instanceof KeyframeEffect) || Number(duration) <= 1) return []
        const changed = effect.getKeyframes().flatMap((frame) => Object.keys(frame))
        const calm = ['opacity', 'color', 'backgroundColor', 'borderColor', 'boxShadow']
        const own = ['offset', 'computedOffset', 'easing', 'composite']
        const moved = changed.filter((name) => ![...calm, ...own].includes(name))
        return moved.length > 0 || iterations === Infinity
          ? [`${effect.target?.outerHTML.slice(0, 80) ?? ''}: ${changed.join(' ')}`]
          : []
      }),
    )
  }
})

for (const width of [390, 1440]) {
  test(`the page does not move while it becomes alive, at ${width} px`, async ({ api, page }) => {
    await page.setViewportSize({ width, height: 844 })
    const id = await api.exchange('Rivers')
    for (const address of ['/chat', `/chat?c=${id}`]) {
      await page.goto(address)
      await expect(page.getByRole('textbox', { name: 'Message' })).toBeVisible()
      await page.waitForLoadState('networkidle')
      await expectStill(page, 0.02)
    }
  })

  test(`the page does not move when its face comes late, at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 844 })
    let deliver: () => void = () => undefined
    const delivered = new Promise<void>((resolve) => {
      deliver = resolve
    })
    await page.route('**/*.woff2', async (route) => {
      await delivered
      await route.continue()
    })
    await page.goto('/chat', { waitUntil: 'commit' })
    await expect(page.locator('[data-suggestion]')).toHaveCount(4)
    const alive = await page.evaluate(() => performance.now())
    deliver()
    await expect.poll(() => page.evaluate(() => document.fonts.check('16px inter'))).toBe(true)
    await expectStill(page, 0.005, alive)
  })
}

/** An entry of the Layout Instability API, which the types of the DOM do not have. */
interface LayoutShift extends PerformanceEntry {
  value: number
  sources: { node: Node | null; previousRect: DOMRectReadOnly; currentRect: DOMRectReadOnly }[]
}

/** Nothing on the page has moved more than this from a time on, in milliseconds of the page. */
async function expectStill(page: Page, limit: number, from = 0): Promise<void> {
  const shifts = await page.evaluate(
    () =>
      new Promise<{ at: number; value: number; moved: string[] }[]>((resolve) => {
        const seen: { at: number; value: number; moved: string[] }[] = []
        const observer = new PerformanceObserver((list) => {
          for (const entry of list.getEntries() as LayoutShift[]) {
            const moved = entry.sources.map(({ node, previousRect, currentRect }) => {
              const what =
                node instanceof Element ? node.outerHTML.slice(0, 120) : node?.textContent
              const [before, after] = [previousRect, currentRect].map(
                ({ x, y, width, height }) => `${width}x${height} at ${x}, ${y}`,
              )
              return `${what ?? 'what is gone'}: ${before ?? ''} is ${after ?? ''}`
            })
            seen.push({ at: entry.startTime, value: entry.value, moved })
          }
        })
        observer.observe({ type: 'layout-shift', buffered: true })
        // What happened before is told in a task of its own.
        setTimeout(() => {
          resolve(seen)
        }, 100)
      }),
  )
  const counted = shifts.filter(({ at }) => at >= from)
  const total = counted.reduce((sum, { value }) => sum + value, 0)
  expect(total, JSON.stringify(counted, null, 2)).toBeLessThan(limit)
}

for (const width of [390, 1440]) {
  test(`the page as it is served stands where the living one will, at ${width} px`, async ({
    baseURL,
    browser,
    chat,
    page,
  }) => {
    const viewport = { width, height: 844 }
    const dead = await browser.newContext({
      viewport,
      javaScriptEnabled: false,
      ...(baseURL !== undefined && { baseURL }),
    })
    const served = await dead.newPage()
    await served.goto('/chat')
    const greeting = 'What would you like to know?'
    const before = await served.getByRole('heading', { name: greeting }).boundingBox()
    await dead.close()
    await page.setViewportSize(viewport)
    await chat.open()
    await expect(page.getByRole('button', { name: 'Model: scripted' })).toBeVisible()
    expect(await page.getByRole('heading', { name: greeting }).boundingBox()).toEqual(before)
  })
}
