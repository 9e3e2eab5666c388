#!/bin/sh
':' //; exec node --max-semi-space-size=32 --v8-pool-size=0 "$0" "$@"
// The server's launcher. It works from a checkout (after the build) and from a global install alike; all else is in src/cli.
// The second line is a comment to Node and the command to the shell: room for what is young in V8's heap, so that what waits for the
// disk is not taken for old (a fifth of the CPU of one-to-one chats under load); and as many threads for V8's own work as there are other
// cores, one at least: four on one core keep the event loop waiting while they mark. `node bin/dmucd.js` works, too, without that.
import { launch } from './launch.js'

await launch('../dist/cli/dmucd.js')
