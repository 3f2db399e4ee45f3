-- The tables of the guide, as they are. Texts are compared by their bytes, which for UTF-8 is by code point; JSON is text
-- so that it comes back as it was written.

CREATE TABLE schema_version (
    version bigint NOT NULL
);

-- Which domain a resource belongs to.
CREATE TABLE resource_owner (
    resource text COLLATE "C" PRIMARY KEY,
    domain text COLLATE "C" NOT NULL
);

-- One row a root, written over by every command on it: room on each page for the next version, no index on a column
-- that changes, so that a new version need not touch an index, and a vacuum that comes early and is quickly done.
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
    -- The history of a root; and no version of a root comes twice, whatever else goes wrong.
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

-- The one counter of all logs. It is only drawn from under the lock that `commit_batch` takes.
CREATE SEQUENCE position;

-- Logs only grow.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of `%` are never changed: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

DO $$
DECLARE
    log text;
BEGIN
    FOREACH log IN ARRAY ARRAY['command_log', 'event_log', 'context_log', 'message_log', 'activity_log'] LOOP
        EXECUTE format('CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON %I '
            'FOR EACH ROW EXECUTE FUNCTION refuse_change()', log);
        EXECUTE format('CREATE TRIGGER is_not_emptied BEFORE TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', log);
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM PUBLIC', log);
    END LOOP;
END
$$;

-- Claims names for a domain: all or none.
CREATE FUNCTION claim_resources(claimed text[], claimant text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    taken record;
BEGIN
    INSERT INTO resource_owner (resource, domain)
    SELECT name, claimant FROM (SELECT DISTINCT name COLLATE "C" AS name FROM unnest(claimed) AS name) AS n
    ORDER BY name
    ON CONFLICT DO NOTHING;
    -- Another statement, which sees what another process has claimed meanwhile.
    SELECT * INTO taken FROM resource_owner
    WHERE resource = ANY (claimed) AND domain <> claimant ORDER BY resource LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'resource `%` belongs to domain `%`', taken.resource, taken.domain
            USING ERRCODE = 'FL001';
    END IF;
END
$$;
