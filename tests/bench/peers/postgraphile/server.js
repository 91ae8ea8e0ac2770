// The library's own server with its standard preset, which answers queries that are sent with GET only if it is told to.
const { createServer } = require('node:http')
const { postgraphile } = require('postgraphile')
const { PostGraphileAmberPreset } = require('postgraphile/presets/amber')
const { makePgService } = require('postgraphile/adaptors/pg')
const { grafserv } = require('postgraphile/grafserv/node')

const [port, dsn] = process.argv.slice(2)
const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString: dsn, schemas: ['public'], poolConfig: { max: 10 } })],
  grafserv: { graphqlOverGET: true, graphiql: false, websockets: false, watch: false },
  grafast: { explain: false },
}
const server = createServer()
postgraphile(preset).createServ(grafserv).addTo(server).then(() => server.listen(Number(port), '127.0.0.1'))
