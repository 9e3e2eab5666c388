/** `node dist/config/write-reference.js`: writes docs/configuration.md, docs/xeps.md, docs/doap.xml and the README's table of XEPs anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import { modules } from '../modules/index.js'
import { doap } from './doap.js'
import { configurationReference } from './reference.js'
import { withXepTable, xepTable } from './specifications.js'

const root = new URL('../../', import.meta.url)
const project = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
writeFileSync(new URL('docs/configuration.md', root), configurationReference(modules))
writeFileSync(new URL('docs/xeps.md', root), xepTable(modules))
writeFileSync(new URL('docs/doap.xml', root), doap(modules, project))
const readme = new URL('README.md', root)
writeFileSync(readme, withXepTable(readFileSync(readme, 'utf8'), modules))
