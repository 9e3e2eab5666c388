#!/usr/bin/env node
// The server's launcher. It works from a checkout (after the build) and from a global install alike; all else is in src/cli.
import { launch } from './launch.js'

await launch('../dist/cli/dmucd.js')
