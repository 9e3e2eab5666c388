// Set-up for a fresh clone: `npm start`, `npm test` and `npm run build` come here first. It needs nothing but Node.
// Old syntax on purpose in this file and in setup/node-version.cjs: an ancient Node has to get as far as the sentence
// that says it is too old. Everything else is loaded only once the version is known to be good.

const tooOld = require('./setup/node-version.cjs').tooOld(process.versions.node)

if (tooOld) {
  console.error(tooOld)
  process.exit(1)
} else {
  require('./setup/main.cjs').main(process.argv.slice(2))
}
