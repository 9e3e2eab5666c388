// COMPAT Node 24.19 and newer with better-sqlite3 12: the destructor of node::ObjectWrap takes back a clean-up hook, which
// aborts the process when an object is collected while no context is entered (nodejs/node issue 65446), that is for any
// statement. This is read before every source of better-sqlite3 and leaves that hook out, as it was before 24.19; the
// add-on's own hook stays. Version 13 does not use ObjectWrap but needs Node 22.
#include <node.h>
#define AddEnvironmentCleanupHook(...) static_cast<void>(0)
#define RemoveEnvironmentCleanupHook(...) static_cast<void>(0)
#include <node_object_wrap.h>
#undef AddEnvironmentCleanupHook
#undef RemoveEnvironmentCleanupHook
