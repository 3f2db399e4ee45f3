-- The fields that an aggregate has declared, and the value of each in every root of its resource.
--
-- Values are kept beside the states, not read out of them by the database: so the shell of SQLite and other programs,
-- which do not have the functions that read a state, can open, check and copy the file.

CREATE TABLE field (
    -- Never given twice: values of a field that is gone may still be there.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    resource INTEGER NOT NULL REFERENCES name,
    -- The names that lead to it, as a JSON array.
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Roots up to this number have their value; nothing once all have, and the field may be asked for.
    filled INTEGER,
    UNIQUE (resource, path, kind)
) STRICT;

-- A value compares as its field does: a number is bytes, a time microseconds, and null the least integer.
CREATE TABLE field_value (
    root INTEGER NOT NULL REFERENCES root,
    field INTEGER NOT NULL,
    value ANY NOT NULL,
    -- That of the root, since it is the end of every order.
    identifier BLOB NOT NULL,
    PRIMARY KEY (root, field)
) STRICT, WITHOUT ROWID;

CREATE INDEX field_value_in_order ON field_value (field, value, identifier);

-- The store itself runs without triggers, and keeps values and states together. Another program that changes one of
-- them does not: then the fields are forgotten, queries go as without them, and the next start of a domain fills them.

CREATE TRIGGER field_is_forgotten_with_a_new_state AFTER INSERT ON state
BEGIN DELETE FROM field WHERE resource = (SELECT resource FROM root WHERE number = NEW.root); END;

CREATE TRIGGER field_is_forgotten_with_another_state AFTER UPDATE OF root, data ON state
BEGIN DELETE FROM field WHERE resource IN (SELECT resource FROM root WHERE number IN (OLD.root, NEW.root)); END;

CREATE TRIGGER field_is_forgotten_with_another_root AFTER UPDATE OF number, resource, identifier ON root
BEGIN DELETE FROM field WHERE resource IN (OLD.resource, NEW.resource); END;

CREATE TRIGGER field_is_forgotten_with_a_new_value AFTER INSERT ON field_value
BEGIN DELETE FROM field WHERE id = NEW.field; END;

CREATE TRIGGER field_is_forgotten_with_another_value AFTER UPDATE ON field_value
BEGIN DELETE FROM field WHERE id IN (OLD.field, NEW.field); END;

CREATE TRIGGER field_is_forgotten_without_a_value AFTER DELETE ON field_value
BEGIN DELETE FROM field WHERE id = OLD.field; END;
