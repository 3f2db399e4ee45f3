-- The functions that commits call. Every migration replaces them.

-- Draws the positions of `row_count` rows, and returns the number before the first of them.
--
-- The caller holds a lock of the schema from here to the end of its commit. So positions rise in
-- commit order, and no row appears at a position that a reader has passed. It is the last wait of a
-- commit, within one call, so no client can pause while it holds the lock.
CREATE OR REPLACE FUNCTION draw_positions(row_count bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF row_count IS NULL THEN
        RAISE EXCEPTION 'cannot draw positions: a locked row was not written'
            USING ERRCODE = 'FL003';
    END IF;
    -- Expressions: PERFORM would run a query, at three times the cost, under the lock of all
    -- processes.
    IF pg_advisory_xact_lock(hashtextextended(current_schema(), 0)) IS NULL THEN
    END IF;
    RETURN CASE row_count WHEN 1 THEN nextval('position') - 1
        ELSE setval('position', nextval('position') + row_count - 1) - row_count END;
END
$$;

-- Commits a batch of units of work: one call is one round trip and one transaction. Each statement
-- of a function has its own snapshot, so later statements see newer commits.
--
-- Units, aggregates and command ids are numbered from 1. An array `x_units` has the unit of each
-- entry of `x`, in the order of the units.
--
-- An outcome is 0 (committed), 1 (malformed, by the caller), 2 (dependency aborted), 3 (duplicate
-- command) or 4 (version conflict). `causes` has the number of the unit, command id or aggregate
-- that caused it. `contended` has the aggregates whose lease another process holds or waits for.
--
-- The result has one row with the outcomes and with `base`, the number that was added to the
-- positions of the rows, and without an aggregate. The cause rows are the states of the aggregates
-- that units conflict at, as they were before this batch.
CREATE OR REPLACE FUNCTION commit_batch(
    durability text,
    -- The process whose own leases are not reported.
    own_process bigint,
    -- The aggregates of the batch in the order (resource, identifier), a flag for those that it
    -- writes, and the versions that it expects first.
    resources text[], identifiers uuid[], are_written boolean[], first_versions bigint[],
    -- Set if all units commit, provided that no command id is taken and all aggregates are at their
    -- first versions.
    is_consistent boolean,
    -- Set if `states` has only the last state of each aggregate. Then nothing is written unless all
    -- units commit, and the result is one row without outcomes.
    are_states_last boolean,
    -- The number of positions that the batch takes.
    row_count bigint,
    -- One per unit: 0, or 1 if it is malformed.
    outcomes int[],
    depends_units int[], depends_on int[],
    expected_units int[], expected_aggregates int[], expected_versions bigint[],
    -- The command ids, each once, and the pairs of unit and command id.
    ids uuid[], id_units int[], id_numbers int[],
    states resource_state[], state_units int[], state_aggregates int[],
    commands command_log[], command_units int[],
    events event_log[], event_units int[],
    messages message_log[], message_units int[],
    activities activity_log[], activity_units int[],
    contexts context_log[], context_units int[], context_numbers int[]
) RETURNS TABLE (
    base bigint, unit_outcomes int[], unit_causes int[], contended_aggregates int[],
    aggregate int, r_resource text, r_identifier uuid, r_version bigint, r_etag text,
    r_revision bigint, r_data text, r_created_at timestamptz, r_created_by uuid,
    r_updated_at timestamptz, r_updated_by uuid, r_closed_at timestamptz, r_realm text
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    found_version bigint;
    versions bigint[] := '{}';
    aggregate_key bigint;
    -- The number of aggregates that are expected to be absent, and a flag: no other batch may
    -- create aggregates until this one has committed.
    new_count bigint;
    is_exclusive boolean;
    -- For each command id: 0 if it is free, -1 if it is in the log, else the unit that has taken
    -- it.
    taken int[];
    has_duplicates boolean;
    causes int[];
    conflicts int[] := '{}';
    contended int[];
    outcome int;
    cause int;
    d int := 1;
    e int := 1;
    c int := 1;
    s int := 1;
    mark int;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'commit_batch must run in READ COMMITTED, not in %',
            current_setting('transaction_isolation') USING ERRCODE = 'FL002';
    END IF;
    -- A stronger setting of the server than `on` is kept.
    IF durability = 'off' OR current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', durability, true);
    END IF;

    -- The batches that create aggregates share one lock of the schema, taken before all row locks.
    -- A batch that creates many takes it exclusively and needs no lock per aggregate: a server has
    -- room for a few thousand locks.
    new_count := (SELECT count(*) FROM unnest(first_versions) AS version WHERE version = 0);
    is_exclusive := new_count > 64;
    IF is_exclusive THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('fluvius aggregates '
            || current_schema(), 0));
    ELSIF new_count > 0 THEN
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('fluvius aggregates '
            || current_schema(), 0));
    END IF;

    -- Deadlock freedom: every batch locks its aggregates in the same order, one after another.
    FOR i IN 1 .. cardinality(resources) LOOP
        IF are_written[i] THEN
            SELECT version INTO found_version FROM resource_state
            WHERE resource = resources[i] AND identifier = identifiers[i] FOR UPDATE;
        ELSE
            SELECT version INTO found_version FROM resource_state
            WHERE resource = resources[i] AND identifier = identifiers[i] FOR SHARE;
        END IF;
        IF NOT FOUND AND NOT is_exclusive THEN
            -- There is no row to lock. All commits that may create it take this lock, and check
            -- again.
            IF new_count = 0 THEN
                -- The aggregate was expected to be present.
                new_count := 1;
                PERFORM pg_advisory_xact_lock_shared(hashtextextended('fluvius aggregates '
                    || current_schema(), 0));
            END IF;
            aggregate_key := hashtextextended(resources[i],
                hashtextextended(identifiers[i]::text, hashtextextended(current_schema(), 0)));
            IF are_written[i] THEN
                PERFORM pg_advisory_xact_lock(aggregate_key);
                SELECT version INTO found_version FROM resource_state
                WHERE resource = resources[i] AND identifier = identifiers[i] FOR UPDATE;
            ELSE
                PERFORM pg_advisory_xact_lock_shared(aggregate_key);
                SELECT version INTO found_version FROM resource_state
                WHERE resource = resources[i] AND identifier = identifiers[i] FOR SHARE;
            END IF;
        END IF;
        versions[i] := coalesce(found_version, 0);
    END LOOP;

    SELECT array_agg(CASE WHEN c.id IS NULL THEN 0 ELSE -1 END ORDER BY i.number),
        bool_or(c.id IS NOT NULL)
    INTO taken, has_duplicates
    FROM unnest(ids) WITH ORDINALITY AS i (id, number) LEFT JOIN command_log AS c ON c.id = i.id;

    IF NOT (is_consistent AND versions = first_versions AND has_duplicates IS NOT TRUE) THEN
        IF are_states_last THEN
            RETURN QUERY SELECT NULL::bigint, NULL::int[], NULL::int[], NULL::int[], NULL::int,
                (NULL::resource_state).*;
            RETURN;
        END IF;
        causes := array_fill(0, ARRAY[cardinality(outcomes)]);
        FOR unit IN 1 .. cardinality(outcomes) LOOP
            outcome := outcomes[unit];
            cause := 0;
            WHILE depends_units[d] = unit LOOP
                IF outcome = 0 AND outcomes[depends_on[d]] <> 0 THEN
                    outcome := 2;
                    cause := depends_on[d];
                END IF;
                d := d + 1;
            END LOOP;
            mark := c;
            WHILE id_units[c] = unit LOOP
                IF outcome = 0 AND taken[id_numbers[c]] <> 0 THEN
                    outcome := 3;
                    cause := id_numbers[c];
                END IF;
                c := c + 1;
            END LOOP;
            WHILE expected_units[e] = unit LOOP
                IF outcome = 0 AND versions[expected_aggregates[e]] <> expected_versions[e] THEN
                    outcome := 4;
                    cause := expected_aggregates[e];
                    conflicts := conflicts || cause;
                END IF;
                e := e + 1;
            END LOOP;
            IF outcome = 0 THEN
                WHILE mark < c LOOP
                    taken[id_numbers[mark]] := unit;
                    mark := mark + 1;
                END LOOP;
            END IF;
            WHILE state_units[s] = unit LOOP
                IF outcome = 0 THEN
                    versions[state_aggregates[s]] := (states[s]).version;
                END IF;
                s := s + 1;
            END LOOP;
            outcomes[unit] := outcome;
            causes[unit] := cause;
        END LOOP;
        RETURN QUERY
        SELECT NULL::bigint, NULL::int[], NULL::int[], NULL::int[], r.number, s.*
        FROM (SELECT DISTINCT number FROM unnest(conflicts) AS number) AS r
        JOIN resource_state AS s ON s.resource = resources[r.number]
            AND s.identifier = identifiers[r.number];
    END IF;

    IF EXISTS (SELECT FROM lease WHERE process <> own_process AND until > clock_timestamp()) THEN
        SELECT array_agg(DISTINCT number::int) INTO contended
        FROM unnest(resources, identifiers) WITH ORDINALITY AS r (resource, identifier, number)
        JOIN lease AS t ON t.resource = r.resource AND t.identifier = r.identifier
        WHERE t.process <> own_process AND t.until > clock_timestamp();
    END IF;

    -- Only the last version of each aggregate.
    INSERT INTO resource_state AS stored
    SELECT DISTINCT ON (aggregate) resource, identifier, version, etag, revision, data, created_at,
        created_by, updated_at, updated_by, closed_at, realm
    FROM ROWS FROM (unnest(states), unnest(state_units), unnest(state_aggregates)) AS s (
        resource, identifier, version, etag, revision, data, created_at, created_by, updated_at,
        updated_by, closed_at, realm, unit, aggregate)
    WHERE outcomes[unit] = 0
    ORDER BY aggregate, unit DESC
    ON CONFLICT (resource, identifier) DO UPDATE
        SET version = excluded.version, etag = excluded.etag, revision = excluded.revision,
        data = excluded.data, created_at = excluded.created_at, created_by = excluded.created_by,
        updated_at = excluded.updated_at, updated_by = excluded.updated_by,
            closed_at = excluded.closed_at, realm = excluded.realm;

    base := 0;
    IF row_count > 0 AND 0 = ANY (outcomes) THEN
        base := draw_positions(row_count);
        INSERT INTO context_log
        SELECT id, domain, revision, transport, source, headers, user_id, profile_id,
            organization_id, roles, realm, correlation, causation
        FROM unnest(contexts) WITH ORDINALITY AS x (
            id, domain, revision, transport, source, headers, user_id, profile_id, organization_id,
            roles, realm, correlation, causation, number)
        JOIN LATERAL (
            SELECT 1 FROM unnest(context_units, context_numbers) AS u (unit, context)
            WHERE u.context = x.number AND outcomes[u.unit] = 0 LIMIT 1) AS carried ON true
        ON CONFLICT DO NOTHING;
        INSERT INTO command_log
        SELECT base + position, id, parent, domain, revision, command, resource, identifier,
            payload, payload_hash, context_id, status, code, response, received_at
        FROM ROWS FROM (unnest(commands), unnest(command_units)) AS c (
            position, id, parent, domain, revision, command, resource, identifier, payload,
            payload_hash, context_id, status, code, response, received_at, unit)
        WHERE outcomes[unit] = 0;
        INSERT INTO event_log
        SELECT base + position, id, domain, revision, event, resource, identifier, version,
            command_id, args, data, delta, occurred_at
        FROM ROWS FROM (unnest(events), unnest(event_units)) AS e (
            position, id, domain, revision, event, resource, identifier, version, command_id, args,
            data, delta, occurred_at, unit)
        WHERE outcomes[unit] = 0;
        IF cardinality(messages) > 0 THEN
            INSERT INTO message_log
            SELECT base + position, id, key, data, command_id, resource, identifier
            FROM ROWS FROM (unnest(messages), unnest(message_units)) AS m (
                position, id, key, data, command_id, resource, identifier, unit)
            WHERE outcomes[unit] = 0;
        END IF;
        IF cardinality(activities) > 0 THEN
            INSERT INTO activity_log
            SELECT base + position, id, resource, identifier, context_id, command_id, message, kind,
                label, code, data
            FROM ROWS FROM (unnest(activities), unnest(activity_units)) AS a (
                position, id, resource, identifier, context_id, command_id, message, kind, label,
                    code, data, unit)
            WHERE outcomes[unit] = 0;
        END IF;
    END IF;

    RETURN QUERY SELECT base, outcomes, causes, contended, NULL::int, (NULL::resource_state).*;
END
$$;

-- Writes units of work rows in one transaction, each completely or not at all.
--
-- `units` is an array of objects with the members `writes`, `context` and `activities`. A write has
-- `kind`, `name`, `part`, `expected` (a token, or null for an absent row), `change` (`keep`, `put`
-- or `delete`) and `data`. A context and an activity have the columns of their tables.
--
-- The result has one row per unit, in their order: with the token of a stored unit, or with the
-- first row that is not as expected.
--
-- A write always waits for the disk: a token that a crash takes back could be given again.
CREATE OR REPLACE FUNCTION write_work(units json) RETURNS TABLE (
    r_unit int, r_token bigint, r_kind text, r_name text, r_part text, found_token bigint,
    found_data text, found_written_at timestamptz
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    number int;
    unit json;
    writes json;
    row_count bigint;
    base bigint;
BEGIN
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    -- Calls that create rows run one after the other: two of them could wait for each other's rows.
    IF EXISTS (
        SELECT FROM json_array_elements(units) AS u, json_array_elements(u->'writes') AS w
        WHERE w->>'expected' IS NULL
    ) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('fluvius work ' || current_schema(), 0));
    END IF;
    -- All rows of the call, in one order.
    PERFORM FROM work AS r
    WHERE (r.kind, r.name, r.part) IN (
        SELECT w->>'kind', w->>'name', w->>'part'
        FROM json_array_elements(units) AS u, json_array_elements(u->'writes') AS w)
    ORDER BY r.kind, r.name, r.part
    FOR UPDATE;
    FOR number, unit IN
        SELECT u.number, u.unit FROM json_array_elements(units) WITH ORDINALITY AS u (unit, number)
    LOOP
        writes := unit->'writes';
        RETURN QUERY
        SELECT number, NULL::bigint, w.kind, w.name, w.part, r.token, r.data, r.written_at
        FROM ROWS FROM (json_to_recordset(writes)
            AS (kind text, name text, part text, expected bigint)) WITH ORDINALITY
            AS w (kind, name, part, expected, place)
        LEFT JOIN work AS r ON r.kind = w.kind AND r.name = w.name AND r.part = w.part
        WHERE r.token IS DISTINCT FROM w.expected
        ORDER BY w.place LIMIT 1;
        CONTINUE WHEN FOUND;
        r_token := nextval('work_token');
        DELETE FROM work AS r
        USING json_to_recordset(writes) AS w (kind text, name text, part text, change text)
        WHERE w.change = 'delete' AND r.kind = w.kind AND r.name = w.name AND r.part = w.part;
        INSERT INTO work AS r
        SELECT w.kind, w.name, w.part, r_token, w.data, clock_timestamp()
        FROM json_to_recordset(writes)
            AS w (kind text, name text, part text, change text, data text)
        WHERE w.change = 'put'
        ON CONFLICT (kind, name, part) DO UPDATE
        SET token = excluded.token, data = excluded.data, written_at = excluded.written_at;
        row_count := json_array_length(unit->'activities');
        IF row_count > 0 THEN
            base := draw_positions(row_count);
            INSERT INTO context_log
            SELECT (json_populate_record(NULL::context_log, unit->'context')).*
            ON CONFLICT DO NOTHING;
            INSERT INTO activity_log
            SELECT base + a.place, r.id, r.resource, r.identifier, r.context_id, r.command_id,
                r.message, r.kind, r.label, r.code, r.data
            FROM json_array_elements(unit->'activities') WITH ORDINALITY AS a (activity, place),
                json_populate_record(NULL::activity_log, a.activity) AS r;
        END IF;
        RETURN QUERY SELECT number, r_token, NULL::text, NULL::text, NULL::text, NULL::bigint,
            NULL::text, NULL::timestamptz;
    END LOOP;
END
$$;

-- Returns the identity of the content and of this copy of it. A copy in another cluster, database
-- or schema is a new one. So is the content after a recovery to a point in time, and after a
-- failover: both begin a new timeline, and may lack the last rows.
CREATE OR REPLACE FUNCTION draw_incarnation() RETURNS TABLE (r_store uuid, r_copy uuid)
    LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    here text := left(pg_walfile_name(pg_current_wal_lsn()), 8)
        || '.' || (SELECT oid::text FROM pg_database WHERE datname = current_database())
        || '.' || current_schema()::regnamespace::oid::text;
    cluster text;
BEGIN
    BEGIN
        cluster := (SELECT system_identifier::text FROM pg_control_system());
    EXCEPTION WHEN insufficient_privilege THEN
        -- The rest is compared.
        NULL;
    END;
    INSERT INTO incarnation VALUES (1, gen_random_uuid(), gen_random_uuid(),
        here || '.' || coalesce(cluster, ''))
    ON CONFLICT DO NOTHING;
    UPDATE incarnation SET copy = gen_random_uuid(), place = here || '.' || coalesce(cluster, '')
    WHERE CASE WHEN cluster IS NULL THEN place NOT LIKE here || '.%'
        ELSE place <> here || '.' || cluster END;
    RETURN QUERY SELECT store, copy FROM incarnation;
END
$$;

-- The key of the lock that the session of an announced process holds.
CREATE OR REPLACE FUNCTION process_key(process uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT hashtextextended(process::text, hashtextextended(current_schema(), 2))
$$;

-- Returns those of the processes whose sessions have ended.
CREATE OR REPLACE FUNCTION ended_processes(processes uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE AS $$
    SELECT process FROM unnest(processes) WITH ORDINALITY AS p (process, number)
    WHERE process_key(process) NOT IN (
        SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    ORDER BY number
$$;
