-- Commits a batch whose aggregates are all present, with one statement. It stores the same rows as
-- `commit_batch`, at less cost. If an aggregate has another version than expected, its units are
-- omitted, provided that none of them has another aggregate (`are_independent`). Otherwise nothing
-- is stored, and the result has only the states of the aggregates with conflicts. Then the client
-- sends the other units once more. If a command id is taken, or an aggregate is absent, nothing is
-- stored and the result is empty. Then `commit_batch` finds the cause.
--
-- The snapshot of the statement is that of its beginning. Only the rows that it locks are newer: it
-- compares and writes them as they are after the wait for the lock. A version or a command id that
-- another transaction takes during this wait violates a unique index.
--
-- Aggregates and the positions of the rows of the batch are numbered from 1. `state_aggregates` has
-- the aggregate of each state. `row_aggregates` has, for each position, an aggregate of the unit
-- with the row. `context_aggregates` has, for each pair of unit and context, an aggregate of the
-- unit.
WITH setting AS MATERIALIZED (
    -- A stronger setting of the server than `on` is kept.
    SELECT CASE WHEN @durability = 'off'
        OR current_setting('synchronous_commit') IN ('off', 'local')
        THEN set_config('synchronous_commit', @durability, true) END
), locked AS MATERIALIZED (
    -- Deadlock freedom: every batch locks its aggregates in the same order, one after another.
    SELECT a.number, s.version = a.first_version AS is_current, s.conflict
    FROM unnest(@resources, @identifiers, @first_versions) WITH ORDINALITY
        AS a (resource, identifier, first_version, number)
    CROSS JOIN LATERAL (
        SELECT version, CASE WHEN version <> a.first_version THEN s END AS conflict
            FROM resource_state AS s
        WHERE s.resource = a.resource AND s.identifier = a.identifier FOR UPDATE) AS s
), found AS MATERIALIZED (
    SELECT array_agg(is_current ORDER BY number) AS are_current,
        count(*) FILTER (WHERE is_current AND @are_written[number]) AS written_count,
        bool_or(is_current) AND bool_and(is_current OR @are_independent[number]) AS is_storable
    FROM locked
), decidable AS MATERIALIZED (
    SELECT are_current, written_count, is_storable FROM setting, found
    WHERE cardinality(are_current) = cardinality(@identifiers)
    AND current_setting('transaction_isolation') = 'read committed'
    AND NOT EXISTS (SELECT FROM command_log WHERE id = ANY (@ids))
), storable AS MATERIALIZED (
    SELECT are_current, written_count FROM decidable WHERE is_storable
), written AS (
    UPDATE resource_state AS s
        SET version = n.version, etag = n.etag, revision = n.revision, data = n.data,
        created_at = n.created_at, created_by = n.created_by, updated_at = n.updated_at,
        updated_by = n.updated_by, closed_at = n.closed_at, realm = n.realm
    FROM storable, unnest(@states) WITH ORDINALITY AS n (
        resource, identifier, version, etag, revision, data, created_at, created_by, updated_at,
        updated_by, closed_at, realm, number)
    WHERE are_current[@state_aggregates[number]] AND s.resource = n.resource
        AND s.identifier = n.identifier
    RETURNING 1
), drawn AS MATERIALIZED (
    -- If a locked row was not written, no positions are drawn for it, which is an error.
    SELECT draw_positions(CASE WHEN w.count = written_count THEN @row_count END) AS base,
        are_current
    FROM storable, (SELECT count(*) AS count FROM written) AS w
), commands AS (
    INSERT INTO command_log
    SELECT base + position, id, parent, domain, revision, command, resource, identifier, payload,
        payload_hash, context_id, status, code, response, received_at
    FROM drawn, unnest(@commands)
    WHERE are_current[@row_aggregates[position]]
), events AS (
    INSERT INTO event_log
    SELECT base + position, id, domain, revision, event, resource, identifier, version, command_id,
        args, data, delta, occurred_at
    FROM drawn, unnest(@events)
    WHERE are_current[@row_aggregates[position]]
-- BEGIN of the tables that most batches do not write. `update_plain` is this statement without this
-- part.
), contexts AS (
    INSERT INTO context_log
    SELECT id, domain, revision, transport, source, headers, user_id, profile_id, organization_id,
        roles, realm, correlation, causation
    FROM drawn, unnest(@contexts) WITH ORDINALITY AS x (
        id, domain, revision, transport, source, headers, user_id, profile_id, organization_id,
        roles, realm, correlation, causation, number)
    WHERE EXISTS (
        SELECT FROM unnest(@context_aggregates, @context_numbers) AS u (aggregate, context)
        WHERE u.context = x.number AND are_current[u.aggregate])
    ON CONFLICT DO NOTHING
), messages AS (
    INSERT INTO message_log
    SELECT base + position, id, key, data, command_id, resource, identifier
    FROM drawn, unnest(@messages)
    WHERE are_current[@row_aggregates[position]]
), activities AS (
    INSERT INTO activity_log
    SELECT base + position, id, resource, identifier, context_id, command_id, message, kind, label,
        code, data
    FROM drawn, unnest(@activities)
    WHERE are_current[@row_aggregates[position]]
-- END
)
-- The first row is the result of the batch, if it is stored. The others are the states of the
-- aggregates that units conflict at.
SELECT base, are_current, ARRAY(
    SELECT a.number::int FROM lease AS l
    JOIN unnest(@resources, @identifiers) WITH ORDINALITY AS a (resource, identifier, number)
        ON l.resource = a.resource AND l.identifier = a.identifier
    WHERE l.process <> @process AND l.until > clock_timestamp()) AS contended,
    NULL::int AS aggregate, (NULL::resource_state).*
FROM drawn
UNION ALL
SELECT NULL, NULL, NULL, number::int, (conflict).* FROM locked, decidable WHERE NOT is_current
