"""The tables, as numbered steps."""

# Each entry brings the database from the step before it to this one; append, never edit.
# Words in braces are the dialect's. (The key of a delivery is never used again: a callback may be out when its delivery
# is dropped, and must not be taken for that of a later one.)
SCHEMA_STEPS = (
    """
    CREATE TABLE sandbox (name TEXT PRIMARY KEY, settings TEXT NOT NULL, clock TEXT NOT NULL, guids INTEGER NOT NULL
        DEFAULT 0);
    CREATE TABLE record (
        {key}, sandbox TEXT NOT NULL, kind TEXT NOT NULL, guid TEXT NOT NULL, owner TEXT NOT NULL,
        subject TEXT, parent TEXT, partner_id TEXT, sort BIGINT NOT NULL, revision INTEGER NOT NULL,
        created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, body TEXT NOT NULL, play TEXT);
    CREATE UNIQUE INDEX record_guid ON record (sandbox, guid);
    CREATE INDEX record_owner ON record (sandbox, kind, owner, sort, seq);
    CREATE INDEX record_subject ON record (sandbox, subject, kind, sort, seq) WHERE subject IS NOT NULL;
    CREATE INDEX record_parent ON record (sandbox, parent, kind, sort, seq) WHERE parent IS NOT NULL;
    CREATE INDEX record_partner ON record (sandbox, kind, partner_id) WHERE partner_id IS NOT NULL;
    CREATE INDEX record_play ON record (sandbox, seq) WHERE play IS NOT NULL;
    CREATE INDEX record_polls ON record (sandbox) WHERE {polls} > 0;
    CREATE TABLE timer (
        {key}, sandbox TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL, due BIGINT NOT NULL);
    CREATE UNIQUE INDEX timer_subject ON timer (sandbox, subject, kind);
    CREATE INDEX timer_due ON timer (sandbox, due, seq);
    CREATE TABLE timeline (
        {key}, sandbox TEXT NOT NULL, subject TEXT NOT NULL, at BIGINT NOT NULL, status TEXT,
        flow TEXT, step TEXT, cause TEXT NOT NULL);
    CREATE INDEX timeline_subject ON timeline (sandbox, subject, seq);
    CREATE TABLE event (
        {key}, sandbox TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, subject TEXT,
        occurred_at BIGINT NOT NULL, payload TEXT NOT NULL, headers TEXT NOT NULL);
    CREATE UNIQUE INDEX event_id ON event (sandbox, id);
    CREATE TABLE delivery (
        {lasting_key}, sandbox TEXT NOT NULL, event INTEGER NOT NULL, endpoint TEXT NOT NULL,
        state TEXT NOT NULL,
        next_attempt_at BIGINT, rank BIGINT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, options TEXT NOT NULL DEFAULT
        '{{}}');
    CREATE INDEX delivery_event ON delivery (event);
    CREATE INDEX delivery_lane ON delivery (sandbox, endpoint, next_attempt_at, rank) WHERE state = 'pending';
    CREATE INDEX delivery_due ON delivery (sandbox, next_attempt_at) WHERE state = 'pending';
    CREATE TABLE attempt (
        {key}, delivery INTEGER NOT NULL, at BIGINT NOT NULL, status INTEGER, error TEXT, duration_ms
        REAL NOT NULL,
        request TEXT NOT NULL, response TEXT NOT NULL);
    CREATE INDEX attempt_delivery ON attempt (delivery, seq);
    CREATE TABLE request (
        {key}, sandbox TEXT NOT NULL, id TEXT NOT NULL, at BIGINT NOT NULL, method TEXT NOT NULL, path
        TEXT NOT NULL,
        status INTEGER NOT NULL, duration_ms REAL NOT NULL, entry TEXT NOT NULL);
    CREATE UNIQUE INDEX request_id ON request (sandbox, id);
    CREATE INDEX request_seq ON request (sandbox, seq);
    CREATE TABLE scenario (provider TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (provider,
        name));
    """,
    """
    CREATE INDEX event_seq ON event (sandbox, seq);
    CREATE INDEX timeline_seq ON timeline (sandbox, seq);
    """,
    """
    ALTER TABLE sandbox ADD COLUMN made TEXT NOT NULL DEFAULT '';
    ALTER TABLE sandbox ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE sandbox ADD COLUMN changes BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE scenario ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
    CREATE INDEX scenario_revision ON scenario (revision);
    CREATE TABLE lease (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until BIGINT NOT NULL);
    """,
    """
    ALTER TABLE request ADD COLUMN exchange TEXT NOT NULL DEFAULT '{{}}';
    """,
    """
    ALTER TABLE timer ADD COLUMN owner TEXT;
    UPDATE timer SET owner = (SELECT owner FROM record WHERE record.sandbox = timer.sandbox
        AND record.guid = timer.subject);
    CREATE INDEX timer_owner ON timer (sandbox, owner, due);
    """,
    """
    ALTER TABLE scenario RENAME TO scenario_of_all;
    CREATE TABLE scenario (sandbox TEXT NOT NULL, provider TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (sandbox, provider, name));
    INSERT INTO scenario (sandbox, provider, name, text)
        SELECT sandbox.name, provider, scenario_of_all.name, text FROM scenario_of_all, sandbox;
    DROP TABLE scenario_of_all;
    """,
    """
    ALTER TABLE record ADD COLUMN load INTEGER;
    CREATE TABLE load ({lasting_key}, sandbox TEXT NOT NULL, subject TEXT NOT NULL, timer INTEGER NOT NULL,
        due BIGINT NOT NULL);
    """,
    """
    ALTER TABLE sandbox ADD COLUMN emptied_for TEXT;
    """,
    """
    CREATE TABLE violation ({key}, sandbox TEXT NOT NULL, id TEXT NOT NULL, at BIGINT NOT NULL, provider TEXT NOT NULL,
        rule TEXT NOT NULL, detail TEXT NOT NULL, nearest TEXT, call TEXT, webhook TEXT, method TEXT NOT NULL,
        path TEXT NOT NULL, status INTEGER);
    CREATE UNIQUE INDEX violation_id ON violation (sandbox, id);
    CREATE INDEX violation_seq ON violation (sandbox, seq);
    CREATE INDEX violation_call ON violation (sandbox, call);
    """,
    """
    CREATE TABLE met (sandbox TEXT NOT NULL, provider TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
        times BIGINT NOT NULL, PRIMARY KEY (sandbox, provider, kind, name));
    """,
    """
    ALTER TABLE sandbox ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
    """,
    """
    CREATE TABLE happening ({key}, sandbox TEXT NOT NULL, owner TEXT NOT NULL, told_at BIGINT NOT NULL,
        told TEXT NOT NULL);
    CREATE INDEX happening_seq ON happening (sandbox, seq);
    """,
    """
    ALTER TABLE violation ADD COLUMN until TEXT;
    CREATE INDEX violation_until ON violation (sandbox, until) WHERE until IS NOT NULL;
    """,
    """
    CREATE TABLE removal ({lasting_key}, sandbox TEXT NOT NULL, relation TEXT NOT NULL, guid TEXT NOT NULL);
    """,
    """
    ALTER TABLE event ADD COLUMN number INTEGER NOT NULL DEFAULT 1;
    CREATE INDEX event_batch ON event (sandbox) WHERE number > 1;
    """,
)
SANDBOX_TABLES = (
    *("record", "timer", "timeline", "delivery", "event"),
    *("request", "violation", "met", "scenario", "load", "happening", "removal"),
)
OLDEST_TABLES = frozenset({"sandbox", "record", "timer", "timeline", "event", "delivery", "attempt", "request"})
