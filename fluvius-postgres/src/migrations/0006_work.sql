-- Mutable rows about work on the logs, such as checkpoints. They change often, so each page has
-- room for the next version of a row.
CREATE TABLE work (
    kind text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    part text COLLATE "C" NOT NULL,
    token bigint NOT NULL,
    data text COLLATE "C" NOT NULL,
    written_at timestamptz NOT NULL,
    PRIMARY KEY (kind, name, part)
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);

-- A token is never given twice.
CREATE SEQUENCE work_token;

-- One row: the identity of the content, of this copy, and of the place of the copy.
CREATE TABLE incarnation (
    number int PRIMARY KEY CHECK (number = 1),
    store uuid NOT NULL,
    copy uuid NOT NULL,
    place text COLLATE "C" NOT NULL
);

-- Schemas of version 5 may lack it.
CREATE INDEX IF NOT EXISTS resource_state_in_order ON resource_state (resource, realm, identifier);
