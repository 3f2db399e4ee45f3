-- The tables are compact, since every command writes to them: a name is stored as a number, an
-- identifier as 16 bytes, a time as microseconds since 1970. The views `resource_state`,
-- `command_log`, `event_log`, `context_log`, `message_log` and `activity_log` are the documented
-- tables, with names, identifiers and times as text.

-- Dictionary of names: resources, keys of messages, domains of contexts.
CREATE TABLE name (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

-- Dictionaries of the columns that all commands of one key share, and all events of one.
CREATE TABLE command_type (
    id INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    revision INTEGER NOT NULL,
    command TEXT NOT NULL,
    resource TEXT NOT NULL,
    UNIQUE (command, resource, domain, revision)
) STRICT;

CREATE TABLE event_type (
    id INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    revision INTEGER NOT NULL,
    event TEXT NOT NULL,
    UNIQUE (event, domain, revision)
) STRICT;

-- The domain that a resource belongs to.
CREATE TABLE resource_owner (
    resource TEXT NOT NULL PRIMARY KEY,
    domain TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE context (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    domain INTEGER NOT NULL REFERENCES name,
    revision INTEGER NOT NULL,
    transport TEXT NOT NULL,
    source TEXT NOT NULL,
    headers TEXT NOT NULL,
    user_id BLOB,
    profile_id BLOB,
    organization_id BLOB,
    roles TEXT NOT NULL,
    realm TEXT,
    correlation BLOB,
    causation BLOB
) STRICT;

CREATE TABLE command (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    parent BLOB,
    type INTEGER NOT NULL REFERENCES command_type,
    identifier BLOB NOT NULL,
    payload TEXT NOT NULL,
    payload_hash BLOB NOT NULL,
    context INTEGER NOT NULL REFERENCES context,
    is_rejected INTEGER NOT NULL,
    code TEXT,
    response TEXT,
    received_at INTEGER NOT NULL
) STRICT;

-- The columns of an aggregate that rarely change after its creation.
CREATE TABLE aggregate (
    number INTEGER PRIMARY KEY,
    resource INTEGER NOT NULL REFERENCES name,
    identifier BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    created_by BLOB,
    realm TEXT,
    UNIQUE (resource, identifier)
) STRICT;

-- Queries of one realm read the aggregates of this realm only.
CREATE INDEX aggregate_in_order ON aggregate (resource, realm, identifier);

CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    type INTEGER NOT NULL REFERENCES event_type,
    aggregate INTEGER NOT NULL REFERENCES aggregate,
    version INTEGER NOT NULL,
    -- Position of the aggregate's previous event.
    previous INTEGER,
    command INTEGER NOT NULL REFERENCES command,
    -- NULL if equal to the command's payload.
    args TEXT,
    data TEXT,
    delta TEXT NOT NULL,
    occurred_at INTEGER NOT NULL
) STRICT;

-- An index of all events would write one more page for each command on a different aggregate. The
-- events between two indexed ones are reached by `previous`.
CREATE UNIQUE INDEX event_by_version ON event (aggregate, version) WHERE version % 16 = 0;

-- The columns of an aggregate that each of its events changes.
CREATE TABLE state (
    aggregate INTEGER PRIMARY KEY REFERENCES aggregate,
    version INTEGER NOT NULL,
    -- Position of its last event.
    event INTEGER NOT NULL REFERENCES event,
    -- NULL if derived from the version and the command of the last event.
    etag TEXT,
    revision INTEGER NOT NULL,
    data TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by BLOB,
    closed_at INTEGER
) STRICT;

CREATE TABLE message (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    key INTEGER NOT NULL REFERENCES name,
    data TEXT NOT NULL,
    command INTEGER NOT NULL REFERENCES command,
    resource INTEGER NOT NULL REFERENCES name,
    identifier BLOB NOT NULL
) STRICT;

CREATE TABLE activity (
    position INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    resource INTEGER NOT NULL REFERENCES name,
    identifier BLOB NOT NULL,
    context INTEGER NOT NULL REFERENCES context,
    command_id BLOB NOT NULL,
    message TEXT NOT NULL,
    kind TEXT NOT NULL,
    label TEXT,
    code TEXT,
    data TEXT
) STRICT;

-- Triggers keep other programs from changing dictionaries and logs by mistake. REPLACE deletes rows
-- without firing DELETE triggers, so a trigger before INSERT rejects it. The store itself disables
-- triggers on its connection.

CREATE TRIGGER name_is_not_updated BEFORE UPDATE ON name
BEGIN SELECT RAISE(ABORT, 'rows of `name` are never updated'); END;

CREATE TRIGGER name_is_not_deleted BEFORE DELETE ON name
BEGIN SELECT RAISE(ABORT, 'rows of `name` are never deleted'); END;

CREATE TRIGGER name_is_not_replaced BEFORE INSERT ON name
WHEN EXISTS (SELECT 1 FROM name WHERE id = NEW.id OR text = NEW.text)
BEGIN SELECT RAISE(ABORT, 'rows of `name` are never replaced'); END;

CREATE TRIGGER command_type_is_not_updated BEFORE UPDATE ON command_type
BEGIN SELECT RAISE(ABORT, 'rows of `command_type` are never updated'); END;

CREATE TRIGGER command_type_is_not_deleted BEFORE DELETE ON command_type
BEGIN SELECT RAISE(ABORT, 'rows of `command_type` are never deleted'); END;

CREATE TRIGGER command_type_is_not_replaced BEFORE INSERT ON command_type
WHEN EXISTS (SELECT 1 FROM command_type WHERE id = NEW.id
    OR (command = NEW.command AND resource = NEW.resource
        AND domain = NEW.domain AND revision = NEW.revision))
BEGIN SELECT RAISE(ABORT, 'rows of `command_type` are never replaced'); END;

CREATE TRIGGER event_type_is_not_updated BEFORE UPDATE ON event_type
BEGIN SELECT RAISE(ABORT, 'rows of `event_type` are never updated'); END;

CREATE TRIGGER event_type_is_not_deleted BEFORE DELETE ON event_type
BEGIN SELECT RAISE(ABORT, 'rows of `event_type` are never deleted'); END;

CREATE TRIGGER event_type_is_not_replaced BEFORE INSERT ON event_type
WHEN EXISTS (SELECT 1 FROM event_type WHERE id = NEW.id
    OR (event = NEW.event AND domain = NEW.domain
        AND revision = NEW.revision))
BEGIN SELECT RAISE(ABORT, 'rows of `event_type` are never replaced'); END;

CREATE TRIGGER context_is_not_updated BEFORE UPDATE ON context
BEGIN SELECT RAISE(ABORT, 'rows of `context` are never updated'); END;

CREATE TRIGGER context_is_not_deleted BEFORE DELETE ON context
BEGIN SELECT RAISE(ABORT, 'rows of `context` are never deleted'); END;

CREATE TRIGGER context_is_not_replaced BEFORE INSERT ON context
WHEN EXISTS (SELECT 1 FROM context WHERE number = NEW.number OR id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'rows of `context` are never replaced'); END;

CREATE TRIGGER command_is_not_updated BEFORE UPDATE ON command
BEGIN SELECT RAISE(ABORT, 'rows of `command` are never updated'); END;

CREATE TRIGGER command_is_not_deleted BEFORE DELETE ON command
BEGIN SELECT RAISE(ABORT, 'rows of `command` are never deleted'); END;

CREATE TRIGGER command_is_not_replaced BEFORE INSERT ON command
WHEN EXISTS (SELECT 1 FROM command WHERE position = NEW.position OR id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'rows of `command` are never replaced'); END;

CREATE TRIGGER event_is_not_updated BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'rows of `event` are never updated'); END;

CREATE TRIGGER event_is_not_deleted BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'rows of `event` are never deleted'); END;

CREATE TRIGGER event_is_not_replaced BEFORE INSERT ON event
WHEN EXISTS (SELECT 1 FROM event WHERE position = NEW.position
        OR (aggregate = NEW.aggregate AND version = NEW.version AND version % 16 = 0))
BEGIN SELECT RAISE(ABORT, 'rows of `event` are never replaced'); END;

CREATE TRIGGER message_is_not_updated BEFORE UPDATE ON message
BEGIN SELECT RAISE(ABORT, 'rows of `message` are never updated'); END;

CREATE TRIGGER message_is_not_deleted BEFORE DELETE ON message
BEGIN SELECT RAISE(ABORT, 'rows of `message` are never deleted'); END;

CREATE TRIGGER message_is_not_replaced BEFORE INSERT ON message
WHEN EXISTS (SELECT 1 FROM message WHERE position = NEW.position)
BEGIN SELECT RAISE(ABORT, 'rows of `message` are never replaced'); END;

CREATE TRIGGER activity_is_not_updated BEFORE UPDATE ON activity
BEGIN SELECT RAISE(ABORT, 'rows of `activity` are never updated'); END;

CREATE TRIGGER activity_is_not_deleted BEFORE DELETE ON activity
BEGIN SELECT RAISE(ABORT, 'rows of `activity` are never deleted'); END;

CREATE TRIGGER activity_is_not_replaced BEFORE INSERT ON activity
WHEN EXISTS (SELECT 1 FROM activity WHERE position = NEW.position)
BEGIN SELECT RAISE(ABORT, 'rows of `activity` are never replaced'); END;

CREATE VIEW context_log AS
SELECT
    lower(substr(hex(x.id), 1, 8) || '-' || substr(hex(x.id), 9, 4)
        || '-' || substr(hex(x.id), 13, 4) || '-' || substr(hex(x.id), 17, 4)
        || '-' || substr(hex(x.id), 21)) AS id,
    (SELECT text FROM name WHERE id = x.domain) AS domain,
    x.revision AS revision,
    x.transport AS transport,
    x.source AS source,
    x.headers AS headers,
    nullif(lower(substr(hex(x.user_id), 1, 8) || '-' || substr(hex(x.user_id), 9, 4)
        || '-' || substr(hex(x.user_id), 13, 4) || '-' || substr(hex(x.user_id), 17, 4)
        || '-' || substr(hex(x.user_id), 21)), '----') AS user_id,
    nullif(lower(substr(hex(x.profile_id), 1, 8) || '-' || substr(hex(x.profile_id), 9, 4)
        || '-' || substr(hex(x.profile_id), 13, 4) || '-' || substr(hex(x.profile_id), 17, 4)
        || '-' || substr(hex(x.profile_id), 21)), '----') AS profile_id,
    nullif(lower(substr(hex(x.organization_id), 1, 8) || '-' || substr(hex(x.organization_id), 9, 4)
        || '-' || substr(hex(x.organization_id), 13, 4) || '-'
            || substr(hex(x.organization_id), 17, 4)
        || '-' || substr(hex(x.organization_id), 21)), '----') AS organization_id,
    x.roles AS roles,
    x.realm AS realm,
    nullif(lower(substr(hex(x.correlation), 1, 8) || '-' || substr(hex(x.correlation), 9, 4)
        || '-' || substr(hex(x.correlation), 13, 4) || '-' || substr(hex(x.correlation), 17, 4)
        || '-' || substr(hex(x.correlation), 21)), '----') AS correlation,
    nullif(lower(substr(hex(x.causation), 1, 8) || '-' || substr(hex(x.causation), 9, 4)
        || '-' || substr(hex(x.causation), 13, 4) || '-' || substr(hex(x.causation), 17, 4)
        || '-' || substr(hex(x.causation), 21)), '----') AS causation
FROM context AS x;

CREATE VIEW command_log AS
SELECT
    c.position AS position,
    lower(substr(hex(c.id), 1, 8) || '-' || substr(hex(c.id), 9, 4)
        || '-' || substr(hex(c.id), 13, 4) || '-' || substr(hex(c.id), 17, 4)
        || '-' || substr(hex(c.id), 21)) AS id,
    nullif(lower(substr(hex(c.parent), 1, 8) || '-' || substr(hex(c.parent), 9, 4)
        || '-' || substr(hex(c.parent), 13, 4) || '-' || substr(hex(c.parent), 17, 4)
        || '-' || substr(hex(c.parent), 21)), '----') AS parent,
    t.domain,
    t.revision,
    t.command,
    t.resource,
    lower(substr(hex(c.identifier), 1, 8) || '-' || substr(hex(c.identifier), 9, 4)
        || '-' || substr(hex(c.identifier), 13, 4) || '-' || substr(hex(c.identifier), 17, 4)
        || '-' || substr(hex(c.identifier), 21)) AS identifier,
    c.payload AS payload,
    lower(hex(c.payload_hash)) AS payload_hash,
    lower(substr(hex(x.id), 1, 8) || '-' || substr(hex(x.id), 9, 4)
        || '-' || substr(hex(x.id), 13, 4) || '-' || substr(hex(x.id), 17, 4)
        || '-' || substr(hex(x.id), 21)) AS context_id,
    iif(c.is_rejected, 'rejected', 'applied') AS status,
    c.code AS code,
    c.response AS response,
    strftime('%Y-%m-%dT%H:%M:%S',
        (c.received_at - ((c.received_at % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
        || printf('.%06dZ', ((c.received_at % 1000000 + 1000000) % 1000000)) AS received_at
FROM command AS c
JOIN command_type AS t ON t.id = c.type
JOIN context AS x ON x.number = c.context;

CREATE VIEW event_log AS
SELECT
    e.position AS position,
    lower(substr(hex(e.id), 1, 8) || '-' || substr(hex(e.id), 9, 4)
        || '-' || substr(hex(e.id), 13, 4) || '-' || substr(hex(e.id), 17, 4)
        || '-' || substr(hex(e.id), 21)) AS id,
    t.domain,
    t.revision,
    t.event,
    (SELECT text FROM name WHERE id = a.resource) AS resource,
    lower(substr(hex(a.identifier), 1, 8) || '-' || substr(hex(a.identifier), 9, 4)
        || '-' || substr(hex(a.identifier), 13, 4) || '-' || substr(hex(a.identifier), 17, 4)
        || '-' || substr(hex(a.identifier), 21)) AS identifier,
    e.version AS version,
    lower(substr(hex(c.id), 1, 8) || '-' || substr(hex(c.id), 9, 4)
        || '-' || substr(hex(c.id), 13, 4) || '-' || substr(hex(c.id), 17, 4)
        || '-' || substr(hex(c.id), 21)) AS command_id,
    coalesce(e.args, c.payload) AS args,
    e.data AS data,
    e.delta AS delta,
    strftime('%Y-%m-%dT%H:%M:%S',
        (e.occurred_at - ((e.occurred_at % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
        || printf('.%06dZ', ((e.occurred_at % 1000000 + 1000000) % 1000000)) AS occurred_at
FROM event AS e
JOIN event_type AS t ON t.id = e.type
JOIN aggregate AS a ON a.number = e.aggregate
JOIN command AS c ON c.position = e.command;

CREATE VIEW message_log AS
SELECT
    m.position AS position,
    lower(substr(hex(m.id), 1, 8) || '-' || substr(hex(m.id), 9, 4)
        || '-' || substr(hex(m.id), 13, 4) || '-' || substr(hex(m.id), 17, 4)
        || '-' || substr(hex(m.id), 21)) AS id,
    (SELECT text FROM name WHERE id = m.key) AS key,
    m.data AS data,
    lower(substr(hex(c.id), 1, 8) || '-' || substr(hex(c.id), 9, 4)
        || '-' || substr(hex(c.id), 13, 4) || '-' || substr(hex(c.id), 17, 4)
        || '-' || substr(hex(c.id), 21)) AS command_id,
    (SELECT text FROM name WHERE id = m.resource) AS resource,
    lower(substr(hex(m.identifier), 1, 8) || '-' || substr(hex(m.identifier), 9, 4)
        || '-' || substr(hex(m.identifier), 13, 4) || '-' || substr(hex(m.identifier), 17, 4)
        || '-' || substr(hex(m.identifier), 21)) AS identifier
FROM message AS m
JOIN command AS c ON c.position = m.command;

CREATE VIEW activity_log AS
SELECT
    a.position AS position,
    lower(substr(hex(a.id), 1, 8) || '-' || substr(hex(a.id), 9, 4)
        || '-' || substr(hex(a.id), 13, 4) || '-' || substr(hex(a.id), 17, 4)
        || '-' || substr(hex(a.id), 21)) AS id,
    (SELECT text FROM name WHERE id = a.resource) AS resource,
    lower(substr(hex(a.identifier), 1, 8) || '-' || substr(hex(a.identifier), 9, 4)
        || '-' || substr(hex(a.identifier), 13, 4) || '-' || substr(hex(a.identifier), 17, 4)
        || '-' || substr(hex(a.identifier), 21)) AS identifier,
    lower(substr(hex(x.id), 1, 8) || '-' || substr(hex(x.id), 9, 4)
        || '-' || substr(hex(x.id), 13, 4) || '-' || substr(hex(x.id), 17, 4)
        || '-' || substr(hex(x.id), 21)) AS context_id,
    lower(substr(hex(a.command_id), 1, 8) || '-' || substr(hex(a.command_id), 9, 4)
        || '-' || substr(hex(a.command_id), 13, 4) || '-' || substr(hex(a.command_id), 17, 4)
        || '-' || substr(hex(a.command_id), 21)) AS command_id,
    a.message AS message,
    a.kind AS kind,
    a.label AS label,
    a.code AS code,
    a.data AS data
FROM activity AS a
JOIN context AS x ON x.number = a.context;

CREATE VIEW resource_state AS
SELECT
    (SELECT text FROM name WHERE id = a.resource) AS resource,
    lower(substr(hex(a.identifier), 1, 8) || '-' || substr(hex(a.identifier), 9, 4)
        || '-' || substr(hex(a.identifier), 13, 4) || '-' || substr(hex(a.identifier), 17, 4)
        || '-' || substr(hex(a.identifier), 21)) AS identifier,
    s.version AS version,
    coalesce(s.etag, 'v' || s.version || '-' || lower(hex(c.id))) AS etag,
    s.revision AS revision,
    s.data AS data,
    strftime('%Y-%m-%dT%H:%M:%S',
        (a.created_at - ((a.created_at % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
        || printf('.%06dZ', ((a.created_at % 1000000 + 1000000) % 1000000)) AS created_at,
    nullif(lower(substr(hex(a.created_by), 1, 8) || '-' || substr(hex(a.created_by), 9, 4)
        || '-' || substr(hex(a.created_by), 13, 4) || '-' || substr(hex(a.created_by), 17, 4)
        || '-' || substr(hex(a.created_by), 21)), '----') AS created_by,
    strftime('%Y-%m-%dT%H:%M:%S',
        (s.updated_at - ((s.updated_at % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
        || printf('.%06dZ', ((s.updated_at % 1000000 + 1000000) % 1000000)) AS updated_at,
    nullif(lower(substr(hex(s.updated_by), 1, 8) || '-' || substr(hex(s.updated_by), 9, 4)
        || '-' || substr(hex(s.updated_by), 13, 4) || '-' || substr(hex(s.updated_by), 17, 4)
        || '-' || substr(hex(s.updated_by), 21)), '----') AS updated_by,
    strftime('%Y-%m-%dT%H:%M:%S',
        (s.closed_at - ((s.closed_at % 1000000 + 1000000) % 1000000)) / 1000000, 'unixepoch')
        || printf('.%06dZ', ((s.closed_at % 1000000 + 1000000) % 1000000)) AS closed_at,
    a.realm AS realm
FROM state AS s
JOIN aggregate AS a ON a.number = s.aggregate
JOIN event AS e ON e.position = s.event
JOIN command AS c ON c.position = e.command;

-- The fields that an aggregate type declares, and their value in each aggregate of its resource.
--
-- Values are stored beside the states. An index on an expression would need the store's own
-- functions, and other programs, such as the shell of SQLite, could not open, check or copy the
-- file.

CREATE TABLE field (
    -- Never reused: values of a removed field may still exist.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resource INTEGER NOT NULL REFERENCES name,
    -- The JSON path as an array of names.
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Aggregates up to this number have their value. NULL once all have; only then do queries use
    -- the field.
    filled_to INTEGER,
    UNIQUE (resource, path, kind)
) STRICT;

-- Values compare as their field does: a number is stored as bytes, a time as microseconds, null as
-- the least integer.
CREATE TABLE field_value (
    aggregate INTEGER NOT NULL REFERENCES aggregate,
    field INTEGER NOT NULL,
    value ANY NOT NULL,
    -- The identifier of the aggregate, the last key of every order.
    identifier BLOB NOT NULL,
    PRIMARY KEY (aggregate, field)
) STRICT, WITHOUT ROWID;

CREATE INDEX field_value_in_order ON field_value (field, value, identifier);

-- The store itself disables triggers, and updates values together with states. If another program
-- changes one of them, these triggers remove the field: queries then read all states, and the next
-- start of a domain fills the field again.

CREATE TRIGGER field_is_removed_on_new_state AFTER INSERT ON state
BEGIN DELETE FROM field WHERE resource = (SELECT resource FROM aggregate
    WHERE number = NEW.aggregate); END;

CREATE TRIGGER field_is_removed_on_changed_state AFTER UPDATE OF aggregate, data ON state
BEGIN DELETE FROM field WHERE resource IN (SELECT resource FROM aggregate
    WHERE number IN (OLD.aggregate, NEW.aggregate)); END;

CREATE TRIGGER field_is_removed_on_changed_aggregate
    AFTER UPDATE OF number, resource, identifier ON aggregate
BEGIN DELETE FROM field WHERE resource IN (OLD.resource, NEW.resource); END;

CREATE TRIGGER field_is_removed_on_new_value AFTER INSERT ON field_value
BEGIN DELETE FROM field WHERE id = NEW.field; END;

CREATE TRIGGER field_is_removed_on_changed_value AFTER UPDATE ON field_value
BEGIN DELETE FROM field WHERE id IN (OLD.field, NEW.field); END;

CREATE TRIGGER field_is_removed_on_deleted_value AFTER DELETE ON field_value
BEGIN DELETE FROM field WHERE id = OLD.field; END;
