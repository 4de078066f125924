// An OpenID Connect provider that is not ours: the certified `oidc-provider`, which signs everybody in as whom the test says.
// Usage: node open_id_provider.mjs FOLDER CALLBACK. It prints its issuer when it is ready. POST /as/NAME changes who that is.
import { createRequire } from 'node:module'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

// Its first line is the issuer and the only one: nobody reads on.
console.info = console.error

const [folder, callback] = process.argv.slice(2)
const entry = createRequire(join(folder, 'package.json')).resolve('oidc-provider')
const { Provider } = await import(pathToFileURL(entry))

const people = {
  grace: { name: 'Grace Hopper', email: 'grace@example.org', email_verified: true },
  mallory: { preferred_username: 'mallory', email: 'ada@example.org', email_verified: false },
}
let who = 'grace'

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [
      { client_id: 'weir', client_secret: 'a secret of the test', redirect_uris: [callback] },
    ],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
    // The claims stand in the ID token.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  })
  const serve = provider.callback()
  server.on('request', async (request, response) => {
    if (request.method === 'POST' && request.url.startsWith('/as/')) {
      who = request.url.slice('/as/'.length)
      response.end()
      return
    }
    if (!request.url.startsWith('/interaction/')) return serve(request, response)
    const { prompt, params, session } = await provider.interactionDetails(request, response)
    if (prompt.name === 'login') {
      await provider.interactionFinished(request, response, { login: { accountId: who } })
      return
    }
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
    grant.addOIDCScope('openid email profile')
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
  })
  console.log(issuer)
})
