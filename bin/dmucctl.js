#!/usr/bin/env node
// The operator's launcher, see dmucd.js.
import { launch } from './launch.js'

// Who reads may stop before the end: `dmucctl room list | head`.
process.stdout.on('error', (error) => {
  if (!('code' in error) || error.code !== 'EPIPE') throw error
})

await launch('../dist/cli/dmucctl.js')
