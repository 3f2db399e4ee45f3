-- Commits a batch of one unit with one command, which updates one present aggregate and stores
-- nothing else. It stores the same rows as `update_batch.sql`, at less cost. After a conflict,
-- nothing is stored and the result is empty. Then `commit_batch` finds the cause.
--
-- A statement that waited for the row compares the row as it is after the wait. A version or a
-- command id that another transaction takes during this wait violates a unique index.
WITH written AS (
    UPDATE resource_state SET version = (n).version, etag = (n).etag, revision = (n).revision,
        data = (n).data, created_at = (n).created_at, created_by = (n).created_by,
        updated_at = (n).updated_at, updated_by = (n).updated_by, closed_at = (n).closed_at,
        realm = (n).realm
    FROM (SELECT @state AS n) AS x
    WHERE resource = (@state).resource AND identifier = (@state).identifier
    AND version = @first_version
    AND current_setting('transaction_isolation') = 'read committed'
    AND NOT EXISTS (SELECT FROM command_log WHERE id = (@command).id)
    RETURNING 1
), drawn AS MATERIALIZED (
    -- The positions of the command and of the event.
    SELECT draw_positions(2) AS base,
        -- A stronger setting of the server than `on` is kept.
        CASE WHEN @durability = 'off' OR current_setting('synchronous_commit') IN ('off', 'local')
            THEN set_config('synchronous_commit', @durability, true) END
    FROM written
), commands AS (
    INSERT INTO command_log
    SELECT base + (c).position, (c).id, (c).parent, (c).domain, (c).revision, (c).command,
        (c).resource, (c).identifier, (c).payload, (c).payload_hash, (c).context_id, (c).status,
        (c).code, (c).response, (c).received_at
    FROM drawn, (SELECT @command AS c) AS x
), events AS (
    INSERT INTO event_log
    SELECT base + (e).position, (e).id, (e).domain, (e).revision, (e).event, (e).resource,
        (e).identifier, (e).version, (e).command_id, (e).args, (e).data, (e).delta, (e).occurred_at
    FROM drawn, (SELECT @event AS e) AS x
)
SELECT base, EXISTS (
    SELECT FROM lease
    WHERE resource = (@state).resource AND identifier = (@state).identifier
    AND process <> @process AND until > clock_timestamp()) AS is_contended
FROM drawn
