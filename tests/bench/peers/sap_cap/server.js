// cds-serve has no option for the address, so express is told to listen on this machine only.
const cds = require('@sap/cds')
cds.on('bootstrap', app => { const listen = app.listen; app.listen = (port, ...rest) => listen.call(app, port, '127.0.0.1', ...rest) })
module.exports = cds.server
