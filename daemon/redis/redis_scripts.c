/* The Lua scripts: see redis_scripts.h.
 *
 * A caught error that speaks of Redis or of our rights, not of the command, stops the script: what it wrote until then is absolute
 * and is written again. Errors are told apart in C too (redis_classify); the script only needs to know whether to go on.
 */
#include "redis_scripts.h"

#define FENCE                                                                   \
	"local head = redis.pcall('HMGET', KEYS[1], 'epoch', 'seq', 'shown')\n" \
	"if head.err then return {5, 0, head.err} end\n"                        \
	"local epoch, seq = tonumber(head[1]), tonumber(head[2])\n"             \
	"if epoch and epoch > tonumber(ARGV[1]) then return {2, 0, ''} end\n"

#define FENCE_EXACT                                                                         \
	FENCE                                                                               \
	"if not epoch or not seq or epoch < tonumber(ARGV[1]) then return {3, 0, ''} end\n" \
	"local expected = tonumber(ARGV[2])\n"                                              \
	"if seq > expected then return {1, 0, ''} end\n"                                    \
	"if seq < expected then return {4, 0, ''} end\n"

/* run(): false when the script must stop; its error is in `first` then. */
#define RUN                                                                                                               \
	"local stops = {OOM = 1, LOADING = 1, BUSY = 1, MASTERDOWN = 1, TRYAGAIN = 1, CLUSTERDOWN = 1, NOREPLICAS = 1,\n" \
	"  MISCONF = 1, READONLY = 1, UNBLOCKED = 1, NOAUTH = 1, NOPERM = 1, MOVED = 1, ASK = 1, CROSSSLOT = 1}\n"        \
	"local refused, first = 0, ''\n"                                                                                  \
	"local call, unpack, type, tonumber = redis.pcall, unpack, type, tonumber\n"                                      \
	"local function run(...)\n"                                                                                       \
	"  local r = call(...)\n"                                                                                         \
	"  if type(r) == 'table' and r.err then\n"                                                                        \
	"    local e = r.err\n"                                                                                           \
	"    if stops[string.match(e, '^%-?(%u+)') or ''] or string.find(e, 'nknown Redis command', 1, true) or\n"        \
	"       string.find(e, 'The user executing the script', 1, true) then\n"                                          \
	"      first = e\n"                                                                                               \
	"      return false\n"                                                                                            \
	"    end\n"                                                                                                       \
	"    if refused == 0 then first = e end\n"                                                                        \
	"    refused = refused + 1\n"                                                                                     \
	"  end\n"                                                                                                         \
	"  return true\n"                                                                                                 \
	"end\n"                                                                                                           \
	"local args, at, last = ARGV, 4 + tonumber(ARGV[3]), #ARGV\n"

#define STATUS                                                                                                                 \
	"local before = refused\n"                                                                                             \
	"if not run('HSET', KEYS[1], 'seq', string.format('%.0f', expected + 1), unpack(args, 4, 3 + tonumber(args[3]))) or\n" \
	"   refused > before then return {5, 0, first} end\n"                                                                  \
	"return {1, refused, first}\n"

const char *const redis_scripts[REDIS_SCRIPTS] = {
	/* The stream's own last id says what is new. The stream is written behind the hash and the set, so that a script that stopped
	 * between them does them again; a nudge that is refused (channels have rights of their own) loses nothing. */
	[SCRIPT_ALERTS] = FENCE_EXACT RUN
	"local known = 0\n"
	"local info = call('XINFO', 'STREAM', KEYS[2])\n"
	"if info.err then\n"
	"  if not string.find(info.err, 'no such key', 1, true) then return {5, 0, info.err} end\n"
	"else\n"
	"  for i = 1, #info, 2 do\n"
	"    if info[i] == 'last-generated-id' then known = tonumber(string.match(info[i + 1], '^%d+')) end\n"
	"  end\n"
	"end\n"
	"local function still_blocked(item)\n"
	"  local active = call('HVALS', KEYS[3])\n"
	"  if active.err then return false end\n"
	"  for _, json in ipairs(active) do\n"
	"    if string.find(json, '\"high\"', 1, true) then\n"
	"      local fine, alert = pcall(cjson.decode, json)\n"
	"      if fine and type(alert) == 'table' and alert.severity == 'high' and alert.scope == 'item:' .. item then return true end\n"
	"    end\n"
	"  end\n"
	"  return false\n"
	"end\n"
	"local limit = args[at]\n"
	"at = at + 1\n"
	"while at <= last do\n"
	"  local argc, id, alert, json, state, item = tonumber(args[at]), unpack(args, at + 1, at + 5)\n"
	"  if tonumber(string.match(id, '^%d+')) > known then\n"
	"    local fine\n"
	"    if state == 'resolved' then fine = run('HDEL', KEYS[3], alert) else fine = run('HSET', KEYS[3], alert, json) end\n"
	"    if fine and item ~= '' then\n"
	"      if state ~= 'resolved' then fine = run('SADD', KEYS[4], item)\n"
	"      elseif not still_blocked(item) then fine = run('SREM', KEYS[4], item) end\n"
	"    end\n"
	"    fine = fine and run('XADD', KEYS[2], 'MAXLEN', '~', limit, id, unpack(args, at + 6, at + argc))\n"
	"    if not fine then return {5, 0, first} end\n"
	"    local nudge = call('PUBLISH', KEYS[2], id)\n"
	"    if type(nudge) == 'table' and nudge.err then\n"
	"      if refused == 0 then first = nudge.err end\n"
	"      refused = refused + 1\n"
	"    end\n"
	"  end\n"
	"  at = at + argc + 1\n"
	"end\n" STATUS,

	[SCRIPT_TAKE_OVER] = FENCE "local r = redis.pcall('HSET', KEYS[1], 'epoch', ARGV[1], 'seq', ARGV[2])\n"
				   "if type(r) == 'table' and r.err then return {5, 0, r.err} end\n"
				   "return {1, 0, head[3] or ''}\n",
};
