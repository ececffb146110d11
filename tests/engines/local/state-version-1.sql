CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, uid TEXT NOT NULL,
    launch TEXT UNIQUE, state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL, started_at TEXT NOT NULL DEFAULT '',
    finished_at TEXT NOT NULL DEFAULT '', position INTEGER NOT NULL,
    stop_at TEXT NOT NULL DEFAULT '', is_deleted INTEGER NOT NULL DEFAULT 0,
    parameters TEXT NOT NULL, settings TEXT NOT NULL, workflow TEXT NOT NULL);
CREATE TABLE steps (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, place INTEGER NOT NULL,
    name TEXT NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
    started_at TEXT NOT NULL DEFAULT '', finished_at TEXT NOT NULL DEFAULT '',
    attempt INTEGER NOT NULL DEFAULT 0, devices TEXT NOT NULL DEFAULT '[]',
    outputs TEXT NOT NULL DEFAULT '{}', PRIMARY KEY (run, name));
CREATE INDEX runs_state ON runs (state);
INSERT INTO runs (id, uid, launch, state, created_at, started_at, finished_at, position, parameters, settings, workflow)
VALUES ('run1', 'uid-1', 'l-1', 'succeeded', '2026-11-20T10:01:00.000Z', '2026-11-20T10:01:01.000Z', '2026-11-20T10:05:00.000Z', 1,
        '{"launch": "l-1"}', '{"SLIPWAY_VOLUME": "/data"}', '{"spec": {"templates": []}}');
INSERT INTO runs (id, uid, launch, state, created_at, started_at, finished_at, position, parameters, settings, workflow)
VALUES ('run2', 'uid-2', 'l-2', 'running', '2026-11-20T10:02:00.000Z', '2026-11-20T10:05:01.000Z', '', 2,
        '{"launch": "l-2"}', '{"SLIPWAY_VOLUME": "/data"}', '{"spec": {"templates": []}}');
INSERT INTO runs (id, uid, launch, state, created_at, started_at, finished_at, position, parameters, settings, workflow)
VALUES ('run3', 'uid-3', 'l-3', 'pending', '2026-11-20T10:03:00.000Z', '', '', 3,
        '{"launch": "l-3"}', '{"SLIPWAY_VOLUME": "/data"}', '{"spec": {"templates": []}}');
INSERT INTO steps (run, place, name, state, started_at, finished_at, attempt) VALUES
('run1', 0, 'verify', 'succeeded', '2026-11-20T10:01:01.000Z', '2026-11-20T10:02:00.000Z', 1),
('run1', 1, 'train', 'succeeded', '2026-11-20T10:02:00.000Z', '2026-11-20T10:05:00.000Z', 1),
('run2', 0, 'verify', 'running', '2026-11-20T10:05:01.000Z', '', 1),
('run2', 1, 'train', 'pending', '', '', 0),
('run3', 0, 'verify', 'pending', '', '', 0),
('run3', 1, 'train', 'pending', '', '', 0);
