"""DuckDB: its own table with its own codecs, which is what its manual advises."""

import os
import sys

import duckdb

import engine

table, folder = sys.argv[1:]
path = os.path.join(folder, "events.duckdb")
database = duckdb.connect(path)
database.execute("SET threads = 2")
before = engine.cpu()
database.execute(f"CREATE TABLE events AS SELECT * FROM read_parquet('{table}')")
database.execute("CHECKPOINT")
spent = engine.cpu() - before
events = database.execute("SELECT count(*) FROM events").fetchone()[0]
asked = engine.questions(
    lambda seconds: f"make_timestamp_ns({seconds * 1_000_000_000})",
    lambda word: f"contains(event_original, '{word}')",
    f"json_extract_string(extra, '$.\"{engine.EXTRA}\"')",
    "date_trunc('hour', timestamp)",
)
answers = engine.ask(asked, lambda sql: database.execute(sql).fetchall())
database.close()
engine.tell(f"DuckDB {duckdb.__version__}", events, os.path.getsize(path), None, spent, answers)
