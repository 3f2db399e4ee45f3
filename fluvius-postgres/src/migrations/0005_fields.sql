-- The fields that aggregate types declare. The values of each field are in a separate table,
-- `field_` and its number, which triggers maintain. With an index over the states themselves, every
-- new version of every aggregate would write to all indexes, even if its type declares no field or
-- the value stays the same.

CREATE TABLE field (
    -- Never reused: a query that names a removed field fails instead of reading another one.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resource text COLLATE "C" NOT NULL,
    path text[] NOT NULL,
    kind text COLLATE "C" NOT NULL,
    -- Aggregates up to this one have their value.
    filled uuid,
    is_filled boolean NOT NULL DEFAULT false
);

-- The sort key of a value in an index: not null, least for a null value, and short enough for a
-- page of an index. It rises with the value. Several numbers, or several texts, may have the same
-- key.

CREATE FUNCTION field_key(value boolean) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value IS NULL THEN -1 WHEN value THEN 1 ELSE 0 END::smallint
$$;

CREATE FUNCTION field_key(value numeric) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN value IS NULL THEN '-Infinity'::double precision
        -- No double precision number is further from 0, or closer to it.
        WHEN value >= 1e300 THEN 1e300::double precision
        WHEN value <= -1e300 THEN -1e300::double precision
        WHEN abs(value) <= 1e-300 THEN 0::double precision
        ELSE value::double precision
    END
$$;

CREATE FUNCTION field_key(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value IS NULL THEN '' ELSE '.' || left(value, 100) END COLLATE "C"
$$;

CREATE FUNCTION field_key(value uuid) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value IS NULL THEN ''::bytea ELSE uuid_send(value) END
$$;

CREATE FUNCTION field_key(value bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value IS NULL THEN -9223372036854775808 ELSE value END
$$;

-- Serializes the processes that declare, forget and fill fields.
CREATE FUNCTION lock_fields() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('fluvius fields ' || current_schema(), 0))
$$;

-- Creates the table of a field, and the triggers that maintain it from now on. Creating a trigger
-- waits for the running commits, and later commits wait for it, so the wait is bounded.
CREATE FUNCTION declare_field(of_resource text, of_path text[], of_kind text) RETURNS void
    LANGUAGE plpgsql
SET lock_timeout = '2s' AS $$
DECLARE
    number bigint;
    values_type constant text := CASE of_kind
        WHEN 'boolean' THEN 'boolean' WHEN 'number' THEN 'numeric' WHEN 'text'
            THEN 'text COLLATE "C"'
        WHEN 'uuid' THEN 'uuid' WHEN 'time' THEN 'bigint' END;
    key_type constant text := CASE of_kind
        WHEN 'boolean' THEN 'smallint' WHEN 'number' THEN 'double precision' WHEN 'text'
            THEN 'text COLLATE "C"'
        WHEN 'uuid' THEN 'bytea' WHEN 'time' THEN 'bigint' END;
BEGIN
    PERFORM lock_fields();
    IF EXISTS (SELECT FROM field WHERE resource = of_resource AND path = of_path
        AND kind = of_kind) THEN
        RETURN;
    END IF;
    INSERT INTO field (resource, path, kind) VALUES (of_resource, of_path, of_kind)
        RETURNING id INTO number;
    EXECUTE format('CREATE TABLE field_%s (identifier uuid PRIMARY KEY, value %s, '
        'key %s NOT NULL GENERATED ALWAYS AS (field_key(value)) STORED) '
        'WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0)',
        number, values_type, key_type);
    EXECUTE format('CREATE INDEX field_%s_in_order ON field_%1$s (key, identifier)', number);
    -- For every writer of a state, independent of its search path.
    EXECUTE format('CREATE FUNCTION field_%s_put() RETURNS trigger LANGUAGE plpgsql AS %L', number,
        format($body$
        DECLARE
            search_path constant text := current_setting('search_path');
            new_value %2$s;
        BEGIN
            IF current_schema() IS DISTINCT FROM TG_TABLE_SCHEMA THEN
                PERFORM set_config('search_path', quote_ident(TG_TABLE_SCHEMA), true);
            END IF;
            new_value := field_%3$s(NEW.data, %4$L);
            -- An unchanged value is not written. `fill_field` locks the state, which this
            -- transaction has locked.
            UPDATE field_%1$s SET value = new_value
            WHERE identifier = NEW.identifier AND value IS DISTINCT FROM new_value;
            IF NOT FOUND THEN
                INSERT INTO field_%1$s (identifier, value) VALUES (NEW.identifier, new_value)
                    ON CONFLICT DO NOTHING;
            END IF;
            IF current_setting('search_path') <> search_path THEN
                PERFORM set_config('search_path', search_path, true);
            END IF;
            RETURN NULL;
        END
        $body$, number, values_type, of_kind, of_path));
    EXECUTE format($body$
        CREATE FUNCTION field_%s_drop() RETURNS trigger LANGUAGE plpgsql AS $drop$
        BEGIN
            EXECUTE format('DELETE FROM %%I.field_%1$s WHERE identifier = $1', TG_TABLE_SCHEMA)
                USING OLD.identifier;
            RETURN NULL;
        END
        $drop$ $body$, number);
    -- Triggers run in the order of their names.
    EXECUTE format('CREATE TRIGGER field_%s_drop '
        'AFTER DELETE OR UPDATE OF resource, identifier ON resource_state '
        'FOR EACH ROW WHEN (OLD.resource = %L) '
        'EXECUTE FUNCTION field_%1$s_drop()', number, of_resource);
    EXECUTE format('CREATE TRIGGER field_%s_put '
        'AFTER INSERT OR UPDATE OF resource, identifier, data ON resource_state '
        'FOR EACH ROW WHEN (NEW.resource = %L) '
        'EXECUTE FUNCTION field_%1$s_put()', number, of_resource);
    -- They also fire in a session with `session_replication_role = replica`.
    EXECUTE format('ALTER TABLE resource_state ENABLE ALWAYS TRIGGER field_%s_drop, '
        'ENABLE ALWAYS TRIGGER field_%1$s_put', number);
END
$$;

-- Removes a field with its table, triggers and functions.
CREATE FUNCTION forget_field(number bigint) RETURNS void LANGUAGE plpgsql SET lock_timeout = '2s'
    AS $$
BEGIN
    PERFORM lock_fields();
    DELETE FROM field WHERE id = number;
    IF FOUND THEN
        EXECUTE format('DROP TRIGGER field_%s_put ON resource_state', number);
        EXECUTE format('DROP TRIGGER field_%s_drop ON resource_state', number);
        EXECUTE format('DROP FUNCTION field_%s_put(), field_%1$s_drop()', number);
        EXECUTE format('DROP TABLE field_%s', number);
    END IF;
END
$$;

-- Fills in the values of up to `max_aggregates` aggregates that are older than the triggers.
-- Returns true if there may be more of them.
--
-- It locks states as a commit does, in the same order, and never waits for a value. A commit waits
-- for it before it holds any other lock.
CREATE FUNCTION fill_field(number bigint, max_aggregates bigint) RETURNS boolean LANGUAGE plpgsql
    AS $$
DECLARE
    of field;
    last uuid;
BEGIN
    PERFORM lock_fields();
    SELECT * INTO of FROM field WHERE id = number;
    IF NOT FOUND OR of.is_filled THEN
        RETURN false;
    END IF;
    EXECUTE format('WITH part AS MATERIALIZED (SELECT identifier, data FROM resource_state '
        'WHERE resource = $1 AND ($2 IS NULL OR identifier > $2) ORDER BY identifier LIMIT $3 '
        'FOR SHARE), put AS (INSERT INTO field_%s AS f (identifier, value) '
        'SELECT identifier, field_%s(data, $4) FROM part '
        'ON CONFLICT (identifier) DO UPDATE SET value = excluded.value '
        'WHERE f.value IS DISTINCT FROM excluded.value) '
        'SELECT identifier FROM part ORDER BY identifier DESC LIMIT 1', number, of.kind)
    INTO last USING of.resource, of.filled, max_aggregates, of.path;
    IF last IS NOT NULL THEN
        UPDATE field SET filled = last WHERE id = number;
        RETURN true;
    END IF;
    -- The planner needs statistics of the new rows.
    EXECUTE format('ANALYZE field_%s', number);
    UPDATE field SET is_filled = true WHERE id = number;
    RETURN false;
END
$$;
