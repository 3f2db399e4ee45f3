-- Commits a batch of one unit, which has one command, changes one root that is there, and has nothing else to store: what
-- `changes.sql` would do for it, with the same parameters, for less. Where anything is in the way nothing is stored, there
-- is no row in the result, and `commit_batch` is to find out.
--
-- Whoever waits for the row compares it as it is then. A version or an identifier that was taken meanwhile fails at a
-- unique index.
WITH written AS (
    UPDATE resource_state SET version = (n).version, etag = (n).etag, revision = (n).revision, data = (n).data,
        created_at = (n).created_at, created_by = (n).created_by, updated_at = (n).updated_at, updated_by = (n).updated_by,
        closed_at = (n).closed_at, realm = (n).realm
    FROM (SELECT ($10::resource_state[])[1] AS n) AS x
    WHERE resource = ($3::text[])[1] AND identifier = ($4::uuid[])[1] AND version = ($5::bigint[])[1]
    AND current_setting('transaction_isolation') = 'read committed'
    AND NOT EXISTS (SELECT FROM command_log WHERE id = ($9::uuid[])[1])
    RETURNING 1
), drawn AS MATERIALIZED (
    SELECT draw_positions($8::bigint) AS base,
        -- What the server has been set to beyond `on` is kept.
        CASE WHEN $1::text = 'off' OR current_setting('synchronous_commit') IN ('off', 'local')
            THEN set_config('synchronous_commit', $1, true) END
    FROM written
), commands AS (
    INSERT INTO command_log
    SELECT base + (c).position, (c).id, (c).parent, (c).domain, (c).revision, (c).command, (c).resource, (c).identifier,
        (c).payload, (c).payload_hash, (c).context_id, (c).status, (c).code, (c).response, (c).received_at
    FROM drawn, (SELECT ($16::command_log[])[1] AS c) AS x
), events AS (
    INSERT INTO event_log
    SELECT base + (e).position, (e).id, (e).domain, (e).revision, (e).event, (e).resource, (e).identifier, (e).version,
        (e).command_id, (e).args, (e).data, (e).delta, (e).occurred_at
    FROM drawn, (SELECT ($17::event_log[])[1] AS e) AS x
)
SELECT base, ARRAY[true] AS are_wanted, ARRAY(
    SELECT 1 FROM lease
    WHERE resource = ($3::text[])[1] AND identifier = ($4::uuid[])[1] AND process <> $2::bigint
    AND until > clock_timestamp()) AS contended
FROM drawn
