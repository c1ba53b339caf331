-- One operation on a budget that all processes share. layers/domain/budget.py implements the same policy and explains
-- it. KEYS[1]: the hash of the budget. ARGV: the operation, the time in seconds (empty: the clock of this server), the
-- four fields of the rate (units a second, units of a part, burst in seconds, ease in seconds), and two operands.
-- Returns {result, wait_s} as text.
local LOWERED_TO, LOWERED_AT_MOST_TO, LEAST_SHARE, LONGEST_PAUSE_S = 0.95, 0.5, 0.02, 60.0
local RISES_A_S, QUIET_S, RISES_QUIETLY_A_S = 0.005, 30.0, 0.02
local LEARNING_RATE, ROUNDING = 0.2, 1e-6
local EXPIRY_S = 86400

local now = tonumber(ARGV[2])
if not now then
    local time = redis.call('TIME')
    now = tonumber(time[1]) + tonumber(time[2]) / 1e6
end
local rate_s, rate_part, burst_s, ease_s = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local first, second = tonumber(ARGV[7]) or 0, tonumber(ARGV[8]) or 0

local names = {'full_at', 'free_at', 'share', 'share_at', 'second_at', 'floor', 'part'}
local stored = redis.call('HMGET', KEYS[1], unpack(names))
local b = {share = 1}
for index, name in ipairs(names) do
    b[name] = tonumber(stored[index] or nil) or b[name] or 0
end

local since_s = math.max(0, now - b.share_at)
local share = math.min(1, b.share + b.share * RISES_A_S * math.min(since_s, QUIET_S)
                          + RISES_QUIETLY_A_S * math.max(0, since_s - QUIET_S))
local per_s = rate_s * share
local expected = b.part > 0 and b.part or rate_part
local part_s = expected / per_s
local left_s = math.max(burst_s, part_s) - math.max(0, b.full_at - now)

local result, wait_s = 0, 0
local operation = ARGV[1]
if operation == 'take' then
    result = math.min(first, math.max(0, math.floor(left_s / part_s + ROUNDING)))
    b.full_at = math.max(b.full_at, now) + result * part_s
    wait_s = math.max(0, part_s - (math.max(burst_s, part_s) - math.max(0, b.full_at - now)))
elseif operation == 'give_back' then
    b.full_at = b.full_at - first * part_s
elseif operation == 'settle' then
    b.full_at = math.max(b.full_at, now) + (first - expected) / per_s
    b.part = first > 0 and expected + LEARNING_RATE * (first - expected) or expected
elseif operation == 'pace' then
    wait_s = math.max(0, b.free_at - ease_s - now)
    if wait_s <= second then
        result = 1
        b.free_at = math.max(b.free_at, now) + first / per_s
    end
elseif operation == 'correct' then
    b.free_at = b.free_at + first / per_s
elseif operation == 'throttled' then
    if not (now - b.second_at >= 0 and now - b.second_at < 1) then
        b.floor, b.second_at = share * LOWERED_AT_MOST_TO, now
    end
    b.share, b.share_at = math.max(share * LOWERED_TO, b.floor, LEAST_SHARE), now
    if first > 0 then
        b.free_at = math.max(b.free_at, now + math.min(first, LONGEST_PAUSE_S))
    end
end

local fields = {}
for _, name in ipairs(names) do
    fields[#fields + 1] = name
    fields[#fields + 1] = string.format('%.17g', b[name])
end
redis.call('HSET', KEYS[1], unpack(fields))
redis.call('EXPIRE', KEYS[1], EXPIRY_S)
return {string.format('%.17g', result), string.format('%.17g', wait_s)}
