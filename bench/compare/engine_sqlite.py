"""SQLite: three indexes and a full-text index of the record."""

import os
import sqlite3
import sys

import pyarrow.parquet as parquet

import engine

table, folder = sys.argv[1:]
path = os.path.join(folder, "events.sqlite")
database = sqlite3.connect(path, isolation_level=None)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = NORMAL")
database.execute("PRAGMA cache_size = -400000")
file = parquet.ParquetFile(table)
names = file.schema_arrow.names
before = engine.cpu()
columns = ", ".join("event_id INTEGER PRIMARY KEY" if name == "event_id" else name for name in names)
database.execute(f"CREATE TABLE events ({columns})")
database.execute("CREATE VIRTUAL TABLE words USING fts5(event_original, content='events',"
                 " content_rowid='event_id', detail='none')")
marks = ", ".join("?" for _ in names)
making = 0.0
database.execute("BEGIN")
for batch in file.iter_batches(batch_size=20_000):
    start = engine.cpu()
    lists = []
    for column in batch.columns:
        if str(column.type).startswith("timestamp"):
            column = column.cast("int64")
        lists.append(column.to_pylist())
    rows = list(zip(*lists))
    # Reading the hand-over into Python's own objects is no work of SQLite's.
    making += engine.cpu() - start
    database.executemany(f"INSERT INTO events VALUES ({marks})", rows)
database.execute("COMMIT")
database.execute("CREATE INDEX by_time ON events (timestamp)")
database.execute("CREATE INDEX by_address ON events (source_ip, timestamp)")
database.execute("CREATE INDEX by_user ON events (user_name, event_category, event_outcome)")
database.execute("INSERT INTO words (words) VALUES ('rebuild')")
database.execute("ANALYZE")
database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
spent = engine.cpu() - before - making
events = database.execute("SELECT count(*) FROM events").fetchone()[0]
asked = engine.questions(
    lambda seconds: str(seconds * 1_000_000_000),
    lambda word: f"event_id IN (SELECT rowid FROM words WHERE words MATCH '{word}')",
    f"json_extract(extra, '$.\"{engine.EXTRA}\"')",
    "timestamp / 3600000000000",
)
answers = engine.ask(asked, lambda sql: database.execute(sql).fetchall())
database.close()
engine.tell(f"SQLite {sqlite3.sqlite_version}", events, os.path.getsize(path), None, spent, answers)
