// An OpenID provider for the tests: node provider.mjs PORT AUDIENCE < private keys as a JWK set. It prints "ready" when it listens.
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const [port, audience] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const jwks = JSON.parse(readFileSync(0, 'utf8'));
const algorithm = jwks.keys[0].alg;
const tenants = { ada: 7, eve: 9 };

const provider = new Provider(issuer, {
  jwks,
  clients: [
    {
      client_id: 'excel', token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/back'], application_type: 'native',
      grant_types: ['authorization_code'], response_types: ['code'], id_token_signed_response_alg: algorithm,
    },
    {
      client_id: 'nightly', client_secret: 'a secret of the nightly export', redirect_uris: [], grant_types: ['client_credentials'],
      response_types: [], id_token_signed_response_alg: algorithm,
    },
  ],
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: (ctx, token) => (
    token.accountId ? { role: 'reporting', tenant: tenants[token.accountId] } : { role: 'reporting', tenant: 7 }
  ),
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: 'read', audience: resource, accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: algorithm } },
      }),
    },
  },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
