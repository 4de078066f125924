// An authorization server that is not ours: the certified `oidc-provider`, with dynamic registration and resource indicators, which
// signs everybody in and consents to everything.
// Usage: node mcp_authorization_server.mjs FOLDER RESOURCE. It prints its issuer when it is ready. GET /good?token=… says whether an
// access token is good for the resource.
import { createRequire } from 'node:module'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

// Its first line is the issuer and the only one: nobody reads on.
console.info = console.error

const [folder, resource] = process.argv.slice(2)
const entry = createRequire(join(folder, 'package.json')).resolve('oidc-provider')
const { Provider, errors } = await import(pathToFileURL(entry))

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    scopes: ['openid', 'offline_access', 'read'],
    clientDefaults: { grant_types: ['authorization_code', 'refresh_token'] },
    ttl: { AccessToken: 30, Grant: 3600, Session: 3600, Interaction: 600, RefreshToken: 3600, AuthorizationCode: 60 },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, asked) => {
          if (asked !== resource) throw new errors.InvalidTarget()
          return { scope: 'read', accessTokenFormat: 'opaque' }
        },
      },
    },
  })
  const serve = provider.callback()
  server.on('request', async (request, response) => {
    const url = new URL(request.url, issuer)
    if (url.pathname === '/good') {
      const token = await provider.AccessToken.find(url.searchParams.get('token'))
      response.statusCode = token?.isValid && token.aud === resource ? 200 : 404
      response.end()
      return
    }
    if (!url.pathname.startsWith('/interaction/')) return serve(request, response)
    const { prompt, params, session } = await provider.interactionDetails(request, response)
    if (prompt.name === 'login') {
      await provider.interactionFinished(request, response, { login: { accountId: 'grace' } })
      return
    }
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
    grant.addOIDCScope(params.scope ?? 'openid')
    grant.addResourceScope(resource, 'read')
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
  })
  console.log(issuer)
})
