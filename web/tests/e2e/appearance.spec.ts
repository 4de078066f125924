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
