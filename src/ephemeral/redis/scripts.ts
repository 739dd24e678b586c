/** Counts one more in a window; answers the count and how long the window still lasts. One that lasts longer than it may begins anew. */
const HIT = `
local left = redis.call('PTTL', KEYS[1])
local window = tonumber(ARGV[1])
if left < 0 or left > window then
  redis.call('SET', KEYS[1], 1, 'PX', window)
  return {1, window}
end
return {redis.call('INCR', KEYS[1]), left}
`;

/** Adds to a sum, which lives until the latest time that it was given. */
const ADD = `
local total = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return total
`;

/** Adds to a sum that is there. */
const ADD_BEGUN = `
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
return redis.call('INCRBY', KEYS[1], ARGV[1])
`;

/** Begins a sum unless it is there. */
const BEGIN = `
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
return tonumber(redis.call('GET', KEYS[1]))
`;

/** Puts a note up, unless it is empty, and answers the notes that came after the one that the asker knows. */
const EXCHANGE = `
if ARGV[2] ~= '' then
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'n', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
if ARGV[1] == '' then return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1) end
return redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[5])
`;

/** Each touches one key, so each is at home on one node of a cluster. */
export const SCRIPTS = {
  syHit: { lua: HIT, numberOfKeys: 1 },
  syAdd: { lua: ADD, numberOfKeys: 1 },
  syAddBegun: { lua: ADD_BEGUN, numberOfKeys: 1 },
  syBegin: { lua: BEGIN, numberOfKeys: 1 },
  syExchange: { lua: EXCHANGE, numberOfKeys: 1 },
};
