// Makes the views that CAP compiles for its service, as `cds deploy` would, without tables for texts and an outbox.
const cds = require('@sap/cds'), { Client } = require('pg')
;(async () => {
  const model = await cds.load('*')
  const views = cds.compile.to.sql(model, { dialect: 'postgres' }).filter(sql => /^CREATE VIEW ODataService_/i.test(sql))
  const client = new Client(cds.env.requires.db.credentials)
  await client.connect()
  for (const sql of views) {
    await client.query(`DROP VIEW IF EXISTS ${/CREATE VIEW (\S+)/i.exec(sql)[1]} CASCADE`)
    await client.query(sql.replace(/;+$/, ''))
  }
  await client.end()
})()
