"""
The script that counts quotas on a Redis server.

One script does everything, so that nothing can happen between a look and a start. It follows the
rules of `_quota.windows.CountedBudget`; all its times are microseconds of the server's clock.

A request is one member of the sorted set of each budget that it draws from, scored by its end;
while it runs, by the end of its lease. The member `born` marks a generation of the keys: if a key
was evicted, deleted or overwritten, the mark is missing, a new generation begins, and each process
reports what it knows before anything is granted to it.
"""

from __future__ import annotations

from typing import Final

SCRIPT: Final = """
local asked = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local state = KEYS[1]

local function text(number)
  return string.format('%.0f', number)
end

local function number(field)
  return tonumber(redis.call('HGET', state, field) or '0')
end

local function foreign(window)
  local age = (now - number('foreign_since')) / window
  if age < 0 or age >= 1 then return 0 end
  return math.ceil(number('foreign') * (1 - age))
end

local function used(index, window)
  -- No lease ends later, unless the clock of the server was set back.
  return redis.call('ZCOUNT', KEYS[index + 1], '(' .. text(now - window), text(now + asked.lease))
end

local born = number('born')
local whole = born > 0
for index = 2, #KEYS do
  local mark = tonumber(redis.call('ZSCORE', KEYS[index], 'born') or '0')
  whole = whole and mark == -born
end
if not whole then
  born = math.max(now, born + 1)
  redis.call('HSET', state, 'born', text(born))
  for index = 2, #KEYS do redis.call('ZADD', KEYS[index], text(-born), 'born') end
end

for _, over in ipairs(asked.over) do
  for _, index in ipairs(over.budgets) do
    if over.counts then
      redis.call('ZADD', KEYS[index + 1], text(now - over.age), over.id)
    else
      redis.call('ZREM', KEYS[index + 1], over.id)
    end
  end
  if over.limit then redis.call('HSET', state, 'limit', over.limit) end
  if over.remaining then
    local window = asked.hour
    local running = redis.call('ZCOUNT', KEYS[2], '(' .. text(now), '+inf')
    local known = used(1, window)
    local least = over.quota - over.remaining - known
    local most = over.quota - over.remaining - (known - running)
    local spent = math.max(0, math.min(math.max(foreign(window), least), most))
    redis.call('HSET', state, 'foreign', spent, 'foreign_since', text(now))
  end
  for _, index in ipairs(over.refused) do
    local till = math.max(number('paused' .. index), now - over.age + over.pause)
    redis.call('HSET', state, 'paused' .. index, text(till))
  end
end

-- All that one process knows: other requests that seem to run in its name were never sent.
local known = asked.known
if known then
  local running = {}
  for _, request in ipairs(known.running) do
    running[request.id] = true
    for _, index in ipairs(request.budgets) do
      redis.call('ZADD', KEYS[index + 1], text(now + asked.lease), request.id)
    end
  end
  for _, id in ipairs(known.asking) do running[id] = true end
  local own = known.process .. '-'
  for index = 2, #KEYS do
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[index], '(' .. text(now), '+inf')) do
      if string.sub(id, 1, #own) == own and not running[id]
          and tonumber(string.sub(id, #own + 1)) < known.before then
        redis.call('ZREM', KEYS[index], id)
      end
    end
  end
  if known.lost then redis.call('HSET', state, 'settled', text(born + asked.settle)) end
end

local needed, advised, cause, advice, starts, seen = 0, 0, 1, 1, 0, {}
local want = asked.want
if want and (want.look or want.born == text(born)) then
  needed = math.max(0, number('settled') - now)
  if needed > asked.settle then needed = 0 end
  for _, index in ipairs(want.budgets) do
    -- No pause lasts longer, unless the clock of the server was set back.
    local paused = math.min(number('paused' .. index), now + asked.keep)
    local last = math.min(number('last' .. index), now)
    if paused - now > needed then needed, cause = paused - now, index end
    local pace = asked.release_gap
    for nth, quota in ipairs(asked.quotas[index]) do
      local limit, window = quota[1], quota[2]
      pace = math.min(pace, window / limit)
      local others = 0
      if index == 1 and window == asked.hour then others = foreign(window) end
      local spent = used(index, window) + others
      local left, reserve = limit - spent, math.floor(limit / asked.reserve_share)
      seen[#seen + 1] = {index, nth, spent}
      local oldest = '(' .. text(now - window)
      if left <= 0 then
        local wait = window
        local blocking = redis.call('ZRANGEBYSCORE', KEYS[index + 1], oldest, '+inf',
          'WITHSCORES', 'LIMIT', text(0 - left), 1)
        if blocking[2] then wait = math.min(tonumber(blocking[2]), now) + window - now end
        if others > 0 and 1 - left <= others then
          wait = math.min(wait, (1 - left) * window / others)
        end
        if wait > needed then needed, cause = wait, index end
      elseif left <= reserve then
        local first = redis.call('ZRANGEBYSCORE', KEYS[index + 1], oldest, '+inf',
          'WITHSCORES', 'LIMIT', 0, 1)
        local till = math.min(tonumber(first[2] or now), now) + window - now
        local wait = last + math.min(asked.longest_gap, till / (left + 1)) - now
        if wait > advised then advised, advice = wait, index end
      end
    end
    if now < paused + asked.recovery and last + pace - now > advised then
      advised, advice = last + pace - now, index
    end
    seen[#seen + 1] = {index, 0, math.ceil(math.max(0, paused - now))}
  end
  local wait = advised
  if want.left then wait = math.min(wait, want.left) end
  if not want.look and redis.call('ZSCORE', KEYS[want.budgets[1] + 1], want.id) then
    -- The client sent the script once more because a reply was lost: this is its own grant.
    starts, needed, advised = 1, 0, 0
  elseif not want.look and needed <= 0 and wait <= 0 then
    starts = 1
    for _, index in ipairs(want.budgets) do
      local key = KEYS[index + 1]
      redis.call('ZREMRANGEBYSCORE', key, '0', text(now - asked.keep))
      redis.call('ZADD', key, text(now + asked.lease), want.id)
      redis.call('HSET', state, 'last' .. index, text(now))
    end
    for _, figure in ipairs(seen) do
      if figure[2] > 0 then figure[3] = figure[3] + 1 end
    end
  end
end
for index = 1, #KEYS do
  redis.call('PEXPIRE', KEYS[index], math.ceil((asked.lease + asked.keep) / 1000))
end
return {starts, text(born), math.ceil(needed), cause, math.ceil(advised), advice,
        number('limit'), seen}
"""
