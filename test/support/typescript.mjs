// Lets plain Node run the TypeScript of this checkout, types stripped by swc: for programs beside the tests, which jest runs.
import { register } from 'node:module'

register('./typescript-hooks.mjs', import.meta.url)
