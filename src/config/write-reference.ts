/** `node dist/config/write-reference.js`: writes docs/configuration.md anew. */
import { writeFileSync } from 'node:fs'
import { modules } from '../modules/index.js'
import { configurationReference } from './reference.js'

writeFileSync(new URL('../../docs/configuration.md', import.meta.url), configurationReference(modules))
