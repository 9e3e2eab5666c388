#!/usr/bin/env node
// The operator's launcher, see dmucd.js.
import { launch } from './launch.js'

await launch('../dist/cli/dmucctl.js')
