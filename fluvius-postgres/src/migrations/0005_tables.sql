-- The tables of the guide. Texts are compared by their bytes, which for UTF-8 is the order of code
-- points. JSON is stored as text, so that it is read back as it was written.

CREATE TABLE schema_version (
    version bigint NOT NULL
);

-- The domain that each resource belongs to.
CREATE TABLE resource_owner (
    resource text COLLATE "C" PRIMARY KEY,
    domain text COLLATE "C" NOT NULL
);

-- One row per aggregate, updated by every command on it. Each page has room for the next version,
-- and no index has a column that changes, so a new version writes to no index (a heap-only tuple).
-- Vacuum runs early, in small steps.
CREATE TABLE resource_state (
    resource text COLLATE "C" NOT NULL,
    identifier uuid NOT NULL,
    version bigint NOT NULL,
    etag text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    data text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    updated_at timestamptz NOT NULL,
    updated_by uuid,
    closed_at timestamptz,
    realm text COLLATE "C",
    PRIMARY KEY (resource, identifier)
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_threshold = 500,
    toast.autovacuum_vacuum_scale_factor = 0.05,
    toast.autovacuum_vacuum_cost_delay = 0
);

-- Queries of one realm read the aggregates of this realm only.
CREATE INDEX resource_state_in_order ON resource_state (resource, realm, identifier);

CREATE TABLE context_log (
    id uuid PRIMARY KEY,
    domain text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    transport text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    headers text COLLATE "C" NOT NULL,
    user_id uuid,
    profile_id uuid,
    organization_id uuid,
    roles text COLLATE "C" NOT NULL,
    realm text COLLATE "C",
    correlation uuid,
    causation uuid
);

CREATE TABLE command_log (
    position bigint PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    parent uuid,
    domain text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    command text COLLATE "C" NOT NULL,
    resource text COLLATE "C" NOT NULL,
    identifier uuid NOT NULL,
    payload text COLLATE "C" NOT NULL,
    payload_hash bytea NOT NULL,
    context_id uuid NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('applied', 'rejected')),
    code text COLLATE "C",
    response text COLLATE "C",
    received_at timestamptz NOT NULL
);

CREATE TABLE event_log (
    position bigint PRIMARY KEY,
    id uuid NOT NULL,
    domain text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    event text COLLATE "C" NOT NULL,
    resource text COLLATE "C" NOT NULL,
    identifier uuid NOT NULL,
    version bigint NOT NULL,
    command_id uuid NOT NULL,
    args text COLLATE "C" NOT NULL,
    data text COLLATE "C",
    delta text COLLATE "C" NOT NULL,
    occurred_at timestamptz NOT NULL,
    -- Finds the history of an aggregate, and is the last guard against a version that is written
    -- twice.
    UNIQUE (identifier, version, resource)
);

CREATE TABLE message_log (
    position bigint PRIMARY KEY,
    id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    data text COLLATE "C" NOT NULL,
    command_id uuid NOT NULL,
    resource text COLLATE "C" NOT NULL,
    identifier uuid NOT NULL
);

CREATE TABLE activity_log (
    position bigint PRIMARY KEY,
    id uuid NOT NULL,
    resource text COLLATE "C" NOT NULL,
    identifier uuid NOT NULL,
    context_id uuid NOT NULL,
    command_id uuid NOT NULL,
    message text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    label text COLLATE "C",
    code text COLLATE "C",
    data text COLLATE "C"
);

-- The counter of all logs. Only `draw_positions` uses it, under a lock of the schema.
CREATE SEQUENCE position;

-- Logs are append-only.

CREATE FUNCTION reject_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of `%` are append-only: % is not allowed', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

DO $$
DECLARE
    log text;
BEGIN
    FOREACH log IN ARRAY ARRAY['command_log', 'event_log', 'context_log', 'message_log',
        'activity_log'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I '
            'FOR EACH ROW EXECUTE FUNCTION reject_change()', log);
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION reject_change()', log);
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM PUBLIC', log);
    END LOOP;
END
$$;

-- Registers the resources of a domain: all or none.
CREATE FUNCTION register_domain(of_domain text, resources text[]) RETURNS void LANGUAGE plpgsql
    AS $$
DECLARE
    taken record;
BEGIN
    INSERT INTO resource_owner (resource, domain)
    SELECT name, of_domain FROM (SELECT DISTINCT name COLLATE "C" AS name
        FROM unnest(resources) AS name) AS n
    ORDER BY name
    ON CONFLICT DO NOTHING;
    -- A statement of its own sees what another process has registered since.
    SELECT * INTO taken FROM resource_owner
    WHERE resource = ANY (resources) AND domain <> of_domain ORDER BY resource LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'resource `%` belongs to domain `%`', taken.resource, taken.domain
            USING ERRCODE = 'FL001';
    END IF;
END
$$;

-- The version that an aggregate has reached at a position. Versions rise with positions, so a
-- binary search finds it.
CREATE FUNCTION version_at(of_resource text, of_identifier uuid, at bigint) RETURNS bigint
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    found_position bigint;
BEGIN
    IF at <= 0 THEN
        RETURN 0;
    END IF;
    SELECT version INTO high FROM event_log
    WHERE identifier = of_identifier AND resource = of_resource ORDER BY version DESC LIMIT 1;
    IF high IS NULL THEN
        RETURN 0;
    END IF;
    WHILE low < high LOOP
        middle := low + (high - low + 1) / 2;
        SELECT position INTO found_position FROM event_log
        WHERE identifier = of_identifier AND version = middle AND resource = of_resource;
        IF found_position <= at THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;
