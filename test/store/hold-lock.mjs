// Locks the directory it is given, says so, and waits to be killed.
import { lockDataDirectory } from '../../dist/store/lock.js'

lockDataDirectory(process.argv[2])
console.log('locked')
setInterval(() => {}, 60_000)
